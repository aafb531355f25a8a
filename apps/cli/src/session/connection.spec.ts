import { describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findConnection, parseEnvFile } from './connection.js';

describe('the connection', () => {
  it('is read from the environment', () =>
    expect(findConnection({ QARNOT_CLUSTER_URL: 'http://x', QARNOT_CLIENT_TOKEN: 't' }, '/nowhere')).toEqual({
      url: 'http://x',
      token: 't',
    }));

  it('is read from the env file of a data folder, which the environment overrides', () => {
    const folder = mkdtempSync(join(tmpdir(), 'fornax-cli-'));
    try {
      writeFileSync(
        join(folder, 'env'),
        "export QARNOT_CLUSTER_URL='http://file'\nexport QARNOT_CLIENT_TOKEN='a'\\''b'\n",
      );
      expect(findConnection({ FORNAX_DATA_DIR: folder }, '/nowhere')).toEqual({ url: 'http://file', token: "a'b" });
      expect(findConnection({ FORNAX_DATA_DIR: folder, QARNOT_CLUSTER_URL: 'http://env' }, '/nowhere').url).toBe(
        'http://env',
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is missed with a message that says what to set', () =>
    expect(() => findConnection({}, '/nowhere')).toThrow('QARNOT_CLUSTER_URL and QARNOT_CLIENT_TOKEN'));

  it('undoes quotes as a shell does', () =>
    expect(parseEnvFile("A=plain\nexport B=\"two words\"\n# no\nC='x'\\''y'\n")).toEqual({
      A: 'plain',
      B: 'two words',
      C: "x'y",
    }));
});
