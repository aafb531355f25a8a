import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';

import { heldMemoryMB, sharesOf } from './held-memory.js';
import { cpuMsOfStat, treeUse } from './proc.js';

describe('the use of a process tree', () => {
  it('counts user and system time, own and of children that ended, in hundredths of a second', () =>
    expect(cpuMsOfStat('7 (a (b) c) S 1 7 7 0 -1 4194560 118 0 0 0 5 6 70 800 20 0 1 0 1000 2428928 176 0')).toBe(
      8_810,
    ));

  it('has the memory and the time of what runs below a process, and nothing of one that is gone', async () => {
    const child = spawn('/bin/sh', ['-c', 'sh -c "while :; do :; done" & wait'], { stdio: 'ignore', detached: true });
    const gone = new Promise((resolve) => child.once('exit', resolve));
    const deadline = Date.now() + 10_000;
    const root = child.pid ?? 0;
    let use = await treeUse(root);
    while ((use.cpuMs < 50 || use.pids.length < 2) && Date.now() < deadline) use = await treeUse(root);
    process.kill(-root, 'SIGKILL');
    await gone;
    expect(use.cpuMs).toBeGreaterThanOrEqual(50);
    expect(use.memoryMB).toBeGreaterThan(0);
    expect(use.pids).toContain(root);
    expect(await treeUse(root)).toEqual({ pids: [], memoryMB: 0, cpuMs: 0 });
  });
});

describe('the memory that processes hold together', () => {
  const MB = 1 << 20;
  /** Runs Python until the memory below it was looked at. */
  const heldBy = async (script: string): Promise<{ readonly held: number; readonly sum: number }> => {
    const child = spawn('python3', ['-c', `${script}\nprint(flush=True)\nimport time; time.sleep(600)`], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    const root = child.pid ?? 0;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    try {
      await once(child.stdout, 'data');
      const { pids, memoryMB } = await treeUse(root);
      return { held: await heldMemoryMB(pids), sum: memoryMB };
    } finally {
      process.kill(-root, 'SIGKILL');
      await gone;
    }
  };

  it('is read from what the kernel tells of one process', () =>
    expect(sharesOf('55 ---p [rollup]\nRss:  900 kB\nPss:   12 kB\nPss_Anon: 5 kB\nPss_Shmem:  4 kB\n')).toEqual({
      all: 12_288,
      shared: 4_096,
    }));

  it('has each page once, however many processes share it', async () => {
    const { held, sum } = await heldBy(`
import os, time
x = bytearray(${40 * MB})
for _ in range(9):
    if os.fork() == 0: time.sleep(600)`);
    expect(sum).toBeGreaterThan(300);
    expect(held).toBeGreaterThan(40);
    expect(held).toBeLessThan(150);
  });

  it('has what is in files that are only memory, once, mapped or not', async () => {
    const { held, sum } = await heldBy(`
import mmap, os
fd = os.memfd_create('x')
for _ in range(80): os.write(fd, bytes(${MB}))
also = os.dup(fd)
seen = sum(mmap.mmap(fd, ${40 * MB})[::4096])`);
    expect(sum).toBeLessThan(80);
    expect(held).toBeGreaterThan(80);
    expect(held).toBeLessThan(130);
  });
});
