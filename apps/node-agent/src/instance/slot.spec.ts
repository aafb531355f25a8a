import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LowerTree } from '../files/lower-tree.js';
import { placeSlotFiles, Slot } from './slot.js';

describe('the files of a slot', () => {
  let folder: string;
  let slot: string;
  let job: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'slot-'));
    slot = join(folder, 'slot');
    job = join(folder, 'job');
    await Promise.all([slot, job].map((path) => mkdir(path)));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const place = () => placeSlotFiles(slot, job, { mayLink: false, signal: new AbortController().signal });
  const put = async (of: string, path: string, text: string) => {
    await mkdir(join(of, path, '..'), { recursive: true });
    await writeFile(join(of, path), text);
  };
  const read = (path: string) => readFile(join(job, path), 'utf8');

  it('join those of an instance in a folder that both have', async () => {
    await put(slot, 'models/tree', 'of the slot');
    await put(slot, 'models/mine', 'of the slot');
    await put(job, 'models/mine', 'its own');
    await place();
    expect([await read('models/tree'), await read('models/mine')]).toEqual(['of the slot', 'its own']);
  });

  it('leave an input alone that has the name of a folder of the slot, and a folder that has the name of a file', async () => {
    await put(slot, 'models/tree', 'of the slot');
    await put(slot, 'other', 'of the slot');
    await put(slot, 'scene', 'of the slot');
    await put(job, 'models', 'its own');
    await put(job, 'other/file', 'its own');
    await place();
    expect([await read('models'), await read('other/file')]).toEqual(['its own', 'its own']);
    expect(await read('scene')).toBe('of the slot');
  });

  it('are as before when a copy for new ones cannot be made, which leaves nothing behind', async () => {
    await put(slot, 'file', 'of the slot');
    const list = (): Promise<LowerTree> =>
      Promise.resolve({ manifest: new Map(), folders: new Map(), links: new Map() });
    const opened = await Slot.open(slot, false, list);
    const bin = join(folder, 'bin');
    await put(bin, 'cp', '#!/bin/sh\nfor to; do :; done; mkdir "$to"; echo "cp: Permission denied" >&2; exit 1\n');
    await chmod(join(bin, 'cp'), 0o755);
    const { PATH } = process.env;
    const bring = (dir: string): Promise<void> => put(dir, 'new', 'new');
    process.env['PATH'] = `${bin}:${PATH ?? ''}`;
    try {
      for (let tries = 0; tries < 2; tries += 1)
        await expect(opened.renew(bring)).rejects.toThrow(
          'cannot be copied, so it gets no new ones: cp: Permission denied',
        );
      expect((await readdir(folder)).sort()).toEqual(['bin', 'job', 'slot']);
    } finally {
      process.env['PATH'] = PATH;
    }
    const { tree, leave } = opened.enter();
    await opened.renew(bring);
    expect([tree.dir, opened.holdsOld]).toEqual([slot, true]);
    expect(await readFile(join(opened.enter().tree.dir, 'new'), 'utf8')).toBe('new');
    leave();
    expect(opened.holdsOld).toBe(false);
  });
});
