import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createNkey } from '@fornax/event-store';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { KeyRing } from './key-ring.js';
import { nodeFilePath, readNodeFile, writeNodeFile } from './node-file.js';

let folder = '';
const first = createNkey('user');
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'fornax-ring-')), 'node');
  await writeNodeFile(folder, { platform: 'http://127.0.0.1:1', name: 'gpu-a', seed: first.seed });
});
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

const presented = (ring: KeyRing): string => ring.credentials().key.publicKey;

describe('the file of a node', () => {
  it('is for its owner alone, and nothing else is left beside it', async () => {
    expect((await stat(nodeFilePath(folder))).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect(await readdir(folder)).toEqual(['node.json']);
  });
  it('is never shown when it is damaged', async () => {
    await writeFile(nodeFilePath(folder), `{"seed":"${first.seed}"`);
    expect(() => readNodeFile(folder)).toThrow(/damaged/);
    expect(() => readNodeFile(folder)).not.toThrow(first.seed);
    expect(readNodeFile(join(folder, 'nowhere'))).toBeUndefined();
  });
});

describe('the keys of a node', () => {
  it('presents the one key again and again', async () => {
    const ring = new KeyRing(folder);
    expect(ring.credentials().user).toBe('node:gpu-a');
    ring.refused();
    expect(presented(ring)).toBe(first.publicKey);
    await ring.connected();
    expect(readNodeFile(folder)).toEqual({ platform: 'http://127.0.0.1:1', name: 'gpu-a', seed: first.seed });
  });

  it('forgets the old key once the next one has opened a connection', async () => {
    const ring = new KeyRing(folder);
    const next = await ring.prepare();
    expect(presented(ring)).toBe(next);
    await ring.connected();
    expect(presented(ring)).toBe(next);
    expect(JSON.stringify(readNodeFile(folder))).not.toContain(first.seed);
  });

  it('keeps the old key as long as the platform does not know the next one, and asks with the same next one again', async () => {
    const ring = new KeyRing(folder);
    const next = await ring.prepare();
    expect(presented(ring)).toBe(next);
    ring.refused();
    expect(presented(ring)).toBe(first.publicKey);
    await ring.connected();
    expect(readNodeFile(folder)?.seed).toBe(first.seed);
    expect(await ring.prepare()).toBe(next);
    const afterRestart = new KeyRing(folder);
    expect(presented(afterRestart)).toBe(next);
    afterRestart.refused();
    expect(presented(afterRestart)).toBe(first.publicKey);
    afterRestart.refused();
    expect(presented(afterRestart)).toBe(next);
  });
});
