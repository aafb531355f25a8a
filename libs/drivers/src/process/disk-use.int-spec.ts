import { spawn } from 'node:child_process';
import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { diskUse, filesIn, filesUse } from './disk-use.js';

const MB = 1_048_576;

describe('what an instance takes of a disk', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-disk-use-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is what its files take, not what they claim to be long', async () => {
    await mkdir(join(folder, 'deep/er'), { recursive: true });
    await writeFile(join(folder, 'deep/er/full'), Buffer.alloc(2 * MB, 1));
    const bytes = await diskUse(folder, []);
    expect(bytes).toBeGreaterThanOrEqual(2 * MB);
    expect(bytes).toBeLessThan(3 * MB);
  });

  it('is what it has deleted and still holds, too', async () => {
    const script = 'exec 3> hidden; rm hidden; head -c 4194304 /dev/zero | tr "\\0" x >&3; echo written; read -r _';
    const child = spawn('/bin/sh', ['-c', script], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] });
    const before = await diskUse(folder, []);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect((await diskUse(folder, [child.pid ?? 0])) - before).toBeGreaterThanOrEqual(4 * MB);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.stdin.end();
    await gone;
  });

  it.each([3, 200])('is what is left of %i files: bytes and number, as they are on the disk', async (count) => {
    const at = await mkdtemp(join(folder, 'left-'));
    await mkdir(join(at, 'deep'));
    await writeFile(join(at, 'deep/first'), Buffer.alloc(MB, 1));
    await link(join(at, 'deep/first'), join(at, 'same'));
    for (let file = 2; file < count; file += 1) await writeFile(join(at, `deep/${file}`), 'x');
    const { bytes, files } = await filesUse([at, join(folder, 'deep')]);
    // With the folder `deep`, and a file of two names once; the folders that are asked about are not counted.
    expect(files).toBe(count + (await filesIn(join(folder, 'deep'))) - 1);
    const all = (await diskUse(at, [])) + (await diskUse(join(folder, 'deep'), []));
    expect(Math.abs(bytes - all)).toBeLessThanOrEqual(16_384);
  });

  it('is nothing where there is no folder', async () => expect(await diskUse(join(folder, 'none'), [])).toBe(0));

  it('is nothing in folders that are empty', async () =>
    expect(await filesUse([await mkdtemp(join(folder, 'empty-'))])).toEqual({ bytes: 0, files: 0 }));
});
