import { spawn } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';

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
