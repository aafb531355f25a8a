import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyCommandOf, runKeyCommand } from '@fornax/base';
import { loadMasterKeys } from './master-keys.js';

/** A key management service in small: AES-256-GCM under the key in its argument. It writes down what it was called with and what it was told. */
const PROGRAM = `
const { createCipheriv, createDecipheriv, randomBytes } = require('node:crypto');
const { readFileSync, appendFileSync } = require('node:fs');
const [folder, byte, what] = process.argv.slice(2);
appendFileSync(folder + '/calls', JSON.stringify([process.argv, Object.keys(process.env).filter((name) => name.startsWith('FORNAX_'))]) + '\\n');
const key = Buffer.alloc(32, Number(byte));
const text = readFileSync(0);
if (what === 'encrypt') {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
  console.log('kms:' + Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64'));
} else {
  const bytes = Buffer.from(String(text).trim().replace(/^kms:/, ''), 'base64');
  try {
    const cipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
    cipher.setAuthTag(bytes.subarray(12, 28));
    process.stdout.write(Buffer.concat([cipher.update(bytes.subarray(28)), cipher.final()]));
  } catch { console.error('access denied: key k1'); process.exit(3); }
}`;

describe('master keys of a process', () => {
  let folder = '';
  let program = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'fornax-kms-'));
    program = join(folder, 'kms.cjs');
    writeFileSync(program, PROGRAM);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const clear = (byte: number): string => Buffer.alloc(32, byte).toString('base64');
  const commandFor = (byte: number): string => JSON.stringify([process.execPath, program, folder, String(byte)]);
  const sealed = (key: string, byte = 1): string => runKeyCommand(keyCommandOf(commandFor(byte)), 'encrypt', key, {});
  const load = (values: Parameters<typeof loadMasterKeys>[0]) => loadMasterKeys(values, values);

  it('are opened by a command, which sees no setting of the platform, and no key among its arguments', () => {
    const FORNAX_MASTER_KEY = sealed(clear(9));
    const keys = load({
      FORNAX_MASTER_KEY,
      FORNAX_MASTER_KEYS_READ: `${sealed(clear(8))} ${clear(7)}`,
      FORNAX_MASTER_KEY_COMMAND: commandFor(1),
    });
    expect(Buffer.from(keys.masterKey).toString('base64')).toBe(clear(9));
    // One of before there was a command is in clear.
    expect(keys.masterKeysRead.map((key) => Buffer.from(key).toString('base64'))).toEqual([clear(8), clear(7)]);
    expect(keys.masterKeySource).toContain(process.execPath);
    const calls = readFileSync(join(folder, 'calls'), 'utf8');
    expect(calls).toContain('decrypt');
    for (const key of [clear(9), clear(8), 'kms:', 'FORNAX_']) expect(calls).not.toContain(key);
  });

  it('are those of a file, sealed', () => {
    const file = join(folder, 'master.key');
    writeFileSync(file, `${sealed(clear(6))}\n`);
    const { masterKey } = load({ FORNAX_MASTER_KEY_FILE: file, FORNAX_MASTER_KEY_COMMAND: commandFor(1) });
    expect(Buffer.from(masterKey).toString('base64')).toBe(clear(6));
  });

  it('stop the start where they do not open, with what the command said and nothing of the key', () => {
    const FORNAX_MASTER_KEY = sealed(clear(9));
    const wrong = () => load({ FORNAX_MASTER_KEY, FORNAX_MASTER_KEY_COMMAND: commandFor(2) });
    expect(wrong).toThrow(
      /FORNAX_MASTER_KEY_COMMAND: .* could not decrypt the master key: .*code 3: access denied: key k1/,
    );
    expect(wrong).not.toThrow(FORNAX_MASTER_KEY);
    const key = { FORNAX_MASTER_KEY };
    expect(() => load({ ...key, FORNAX_MASTER_KEY_COMMAND: '["/no/such/kms"]' })).toThrow(/could not decrypt.*ENOENT/);
    expect(() => load({ ...key, FORNAX_MASTER_KEY_COMMAND: '["/bin/true"]' })).toThrow('it wrote nothing');
    expect(() => load({ ...key, FORNAX_MASTER_KEY_COMMAND: '["/bin/echo"]' })).toThrow('must be 32 bytes in base64');
    for (const text of ['kms decrypt', '[]', '[1]', '"kms"', '[""]'])
      expect(() => load({ ...key, FORNAX_MASTER_KEY_COMMAND: text })).toThrow('list of texts in JSON');
  });

  it('are in nothing that is said of a command that repeats what it was told', () => {
    const script =
      'const text = require("node:fs").readFileSync(0, "utf8"); console.error(`bad input <${text}>`); process.exit(2)';
    const echo = keyCommandOf(JSON.stringify([process.execPath, '-e', script]));
    for (const what of ['encrypt', 'decrypt'] as const)
      expect(() => runKeyCommand(echo, what, `${clear(5)}\n`, {})).toThrow(/code 2: bad input <\[its input\]\s*>$/);
  });

  it('are not taken in clear where a command is to open them', () =>
    expect(() => load({ FORNAX_MASTER_KEY: clear(9), FORNAX_MASTER_KEY_COMMAND: commandFor(1) })).toThrow('in clear'));
});
