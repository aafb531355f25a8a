import { readFile } from 'node:fs/promises';
import type { RunningPlatform } from '@fornax/testing/platform';

/** Resident memory of a process in MiB, from /proc. */
export const residentMiB = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1_024;
};

const pidOf = async (platform: RunningPlatform): Promise<number> => {
  const pid = (await platform.parts())['platform'];
  if (pid === undefined) throw new Error('there is no platform process');
  return pid;
};

/** Resident memory of the platform process, in MiB. */
export const residentOf = async (platform: RunningPlatform): Promise<number> => residentMiB(await pidOf(platform));

/** Watches the platform process's memory while `work` runs. @returns what it answered, and the most that was seen, in MiB */
export const withPeakMemory = async <T>(
  platform: RunningPlatform,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly peakMiB: number }> => {
  const pid = await pidOf(platform);
  let peakMiB = 0;
  const look = async (): Promise<void> => {
    peakMiB = Math.max(peakMiB, await residentMiB(pid));
  };
  const timer = setInterval(() => void look(), 100);
  try {
    const result = await work();
    await look();
    return { result, peakMiB };
  } finally {
    clearInterval(timer);
  }
};
