import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { writesOver } from './writes-over.js';

const BYTES = 268_435_456;
/** Has no reads that go around its cache. */
const TMPFS = 0x01021994;
/** Reading may show there, as any reading may. */
const ACCESS = { atime: undefined, atimeMs: undefined };
const WRITER = `const { openSync, writeSync } = require('node:fs');
const all = Buffer.alloc(${BYTES}, 'a');
process.on('message', () => { writeSync(openSync(process.argv[1], 'r+'), all, 0, all.length, 0); process.disconnect(); });
process.send('ready');`;

describe('a write that is under way', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-writes-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is waited for, and nothing of the file changes by that', async () => {
    const path = join(folder, 'file');
    const file = await open(path, 'w+');
    try {
      const before = await file.stat();
      await writesOver(file);
      expect({ ...(await file.stat()), ...ACCESS }).toEqual({ ...before, ...ACCESS });
      const writer = spawn(process.execPath, ['-e', WRITER, path], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      const ended = once(writer, 'exit');
      await once(writer, 'message');
      writer.send('write');
      let begun = 0;
      while ((begun = (await file.stat()).size) === 0) await new Promise(setImmediate);
      await writesOver(file);
      const { size } = await file.stat();
      const isSeen = (await statfs(folder)).type !== TMPFS;
      expect(size).toBeGreaterThanOrEqual(isSeen ? BYTES : begun);
      expect(await ended).toEqual([0, null]);
    } finally {
      await file.close();
    }
  });

  it('is not asked for where there are no such reads', async () => {
    const file = await open('/proc/self/status', 'r');
    await expect(writesOver(file)).resolves.toBeUndefined();
    await file.close();
  });

  it('is asked for without opening the file to write: its program may be started meanwhile', async () => {
    const path = join(folder, 'program');
    await copyFile('/bin/true', path);
    await chmod(path, 0o755);
    const file = await open(path, 'r');
    try {
      let isOver = false;
      const asking = (async (): Promise<void> => {
        while (!isOver) await writesOver(file);
      })();
      for (let start = 0; start < 50; start += 1)
        expect(await once(spawn(path, [], { stdio: 'ignore' }), 'exit')).toEqual([0, null]);
      isOver = true;
      await asking;
    } finally {
      await file.close();
    }
  });
});
