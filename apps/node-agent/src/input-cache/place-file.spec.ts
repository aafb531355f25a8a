import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { LINK_ABOVE_BYTES, placeFile } from './place-file.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-place-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const cached = async (sizeBytes: number, isExecutable = false) => {
  const file = join(folder, 'cached');
  await writeFile(file, 'begin', { mode: isExecutable ? 0o555 : 0o444 });
  // Sparse: only its size matters.
  await truncate(file, sizeBytes);
  return { file, sizeBytes, isExecutable };
};
const target = () => join(folder, 'target');

describe('a file of the cache in the folder of an instance', () => {
  it.each([
    ['small', 5, true],
    ['large, where the instance is the user of the agent', LINK_ABOVE_BYTES, false],
  ])('is a copy that may be written: %s', async (_what, sizeBytes, mayLink) => {
    const file = await cached(sizeBytes, true);
    await placeFile(file, target(), { mayLink });
    expect((await stat(target())).mode & 0o777).toBe(0o755);
    await writeFile(target(), 'BEGIN', { flag: 'r+' });
    expect((await readFile(file.file, 'utf8')).slice(0, 5)).toBe('begin');
  });

  it('is the very file, read-only, or shares its blocks until somebody writes, where it is large', async () => {
    const file = await cached(LINK_ABOVE_BYTES);
    await placeFile(file, target(), { mayLink: true });
    const [there, here] = [await stat(file.file), await stat(target())];
    if (here.ino === there.ino) expect(here.mode & 0o777).toBe(0o444);
    else expect(here.mode & 0o777).toBe(0o644);
    expect(here.size).toBe(LINK_ABOVE_BYTES);
  });

  it('says so when the cache has let go of it meanwhile', async () => {
    for (const sizeBytes of [5, LINK_ABOVE_BYTES]) {
      const file = await cached(sizeBytes);
      await rm(file.file);
      await expect(placeFile(file, target(), { mayLink: true })).rejects.toMatchObject({ code: 'ENOENT' });
    }
  });
});
