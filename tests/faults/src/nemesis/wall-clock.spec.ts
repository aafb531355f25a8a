import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { canSetClocks, setWallClock } from './wall-clock.js';

const HOUR_MS = 3_600_000;
const TELLS = "setInterval(() => console.log(Date.now() + ' ' + performance.now()), 20)";

(canSetClocks ? it : it.skip)('sets the time of day of a process, and not what measures', async () => {
  const child = spawn(process.execPath, ['-e', TELLS], { stdio: ['ignore', 'pipe', 'inherit'] });
  let told: readonly number[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => (told = line.split(' ').map(Number)));
  const aheadMs = (): number => (told[0] ?? Number.NaN) - Date.now();
  const startedAt = performance.now();
  try {
    await eventually(() => told.length > 0);
    const pid = child.pid ?? 0;
    for (const ms of [26 * HOUR_MS, -HOUR_MS, 0]) {
      await setWallClock(pid, ms);
      await eventually(() => Math.abs(aheadMs() - ms) < HOUR_MS / 2);
      expect(told[1]).toBeLessThan(performance.now() - startedAt + 60_000);
    }
  } finally {
    child.kill('SIGKILL');
  }
});
