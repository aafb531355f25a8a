import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keepSecret, renewableSecret } from './kept-secret.js';

let folder: string;
let path: string;
const need = { neededBy: 'the archive', otherwise: 'Or ask Ann.' };
const file = () => ({ path, create: () => 'new', flawOf: (text: string) => (text === 'bad' ? 'is bad' : undefined) });
const content = () => readFile(path, 'utf8');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-secret-'));
  path = join(folder, 'secrets', 'key');
  await mkdir(join(folder, 'secrets'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Each way in which a secret is lost, with what is said about it. */
const LOSSES: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['is missing', () => Promise.resolve()],
  ['is empty', () => writeFile(path, '\n')],
  ['is bad', () => writeFile(path, 'bad\n')],
  ['cannot be read', () => mkdir(path)],
];

describe('a secret that data needs', () => {
  it.each(LOSSES)(
    'is not made anew when it %s: the error names the file, who needs it and where to take it',
    async (flaw, lose) => {
      await lose();
      const lost = keepSecret(file(), need);
      await expect(lost).rejects.toThrow(`The secret file ${path} ${flaw}`);
      await expect(lost).rejects.toThrow(/the archive cannot be opened without it[^]*backup[^]*Or ask Ann\./);
      await expect(content().catch(() => 'none')).resolves.not.toBe('new\n');
    },
  );

  it('is made while nothing needs it, and stays', async () => {
    expect(await keepSecret(file(), undefined)).toBe('new');
    expect(await keepSecret({ ...file(), create: () => 'other' }, need)).toBe('new');
  });
});

describe('a secret that is told anew at each start', () => {
  it.each(LOSSES)('is made again when it %s, and that is said', async (flaw, lose) => {
    await lose();
    const said: string[] = [];
    expect(await renewableSecret(file(), (text) => said.push(text))).toBe('new');
    expect(said).toEqual([expect.stringContaining(flaw)]);
    expect(await content()).toBe('new\n');
  });

  it('stays as it is while it is right', async () => {
    await writeFile(path, 'old\n');
    expect(await renewableSecret(file(), () => expect('nothing').toBe('said'))).toBe('old');
  });

  it('keeps what was in the file beside the new one', async () => {
    await writeFile(path, 'bad\n');
    await renewableSecret(file());
    expect(await readFile(`${path}.bad`, 'utf8')).toBe('bad\n');
  });
});
