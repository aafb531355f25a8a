import { readdir, readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import { liveTaskOf } from './proc.js';

/** `stat` counts in these, whatever the file system does. */
const BLOCK_BYTES = 512;
/** Who hands on a descriptor has it on the way for a moment; who hides a file there, each time that one looks. */
const LOOKS = 3;
const BETWEEN_LOOKS_MS = 200;

const namesIn = (folder: string): Promise<readonly string[]> => readdir(folder).catch(() => []);

/**
 * Measures files without a name that these processes hold open, or have mapped: deleting what one writes to hides it from a walk, and frees nothing.
 * @param devices of the disk  @returns bytes
 */
export const unnamedBytes = async (pids: readonly number[], devices: ReadonlySet<number>): Promise<number> => {
  const found = new Map<number, number>();
  for (const pid of pids) {
    const task = await liveTaskOf(pid);
    // All threads have the same open files: the filter of system calls sees to that. What is mapped stands in the first one's folder alone.
    for (const folder of task === undefined ? [] : [`${task}/fd`, `/proc/${pid}/map_files`])
      for (const name of await namesIn(folder)) {
        // What is mapped only root may look at.
        const facts = await stat(`${folder}/${name}`).catch(() => undefined);
        if (facts?.isFile() === true && facts.nlink === 0 && devices.has(facts.dev))
          found.set(facts.ino, facts.blocks * BLOCK_BYTES);
      }
  }
  return [...found.values()].reduce((sum, bytes) => sum + bytes, 0);
};

/** Device numbers as /proc/<pid>/maps has them: major and minor, in hex. */
const deviceText = (device: number): string => {
  const major = ((device >> 8) & 0xfff) | (Math.floor(device / 2 ** 32) & ~0xfff);
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  return [major, minor].map((part) => part.toString(16).padStart(2, '0')).join(':');
};

/** The number of a device that /proc/<pid>/mountinfo has as major and minor. */
const deviceIn = (text: string): number => {
  const [major = 0, minor = 0] = text.split(':').map(Number);
  return (minor & 0xff) + ((major & 0xfff) << 8) + (minor & ~0xff) * 4_096 + (major & ~0xfff) * 2 ** 32;
};

/** Devices of what was laid over other files for these processes, which all see the same: what they write there has these, and lies on another one's disk. */
export const laidOver = async (pids: readonly number[]): Promise<readonly number[]> => {
  for (const pid of pids) {
    const lines = (await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '')).split('\n');
    const found = lines.filter((line) => line.includes(' - overlay fornax '));
    if (found.length > 0) return found.map((line) => deviceIn(line.split(' ')[2] ?? ''));
  }
  return [];
};

/** Whether a process has mapped a deleted file of the disk that this agent may not look at: not as an ordinary user, nor where the first thread has ended. */
const hasMapped = async (pid: number, devices: ReadonlySet<string>): Promise<boolean> => {
  const task = await liveTaskOf(pid);
  if (process.getuid?.() === 0 && task === `/proc/${pid}`) return false;
  const maps = task === undefined ? '' : await readFile(`${task}/maps`, 'utf8').catch(() => '');
  return maps.split('\n').some((line) => line.endsWith(' (deleted)') && devices.has(line.split(' ')[3] ?? ''));
};

/** Whether a descriptor waits in a socket of a process: the file is open, and in nobody's table. Linux 5.10 and later tell. */
const hasOnTheWay = async (pid: number): Promise<boolean> => {
  const task = (await liveTaskOf(pid)) ?? '';
  for (const fd of task === '' ? [] : await namesIn(`${task}/fdinfo`)) {
    const info = await readFile(`${task}/fdinfo/${fd}`, 'utf8').catch(() => '');
    if (/^scm_fds:\s*[1-9]/m.test(info)) return true;
  }
  return false;
};

const some = async (pids: readonly number[], is: (pid: number) => Promise<boolean>): Promise<boolean> => {
  for (const pid of pids) if (await is(pid)) return true;
  return false;
};

/** Tells whether these processes keep files where their sizes cannot be read: in the queues of sockets, or, where this is not root, in mappings. */
export const keepsOutOfSight = async (pids: readonly number[], devices: ReadonlySet<number>): Promise<boolean> => {
  const texts = new Set([...devices].map(deviceText));
  if (await some(pids, (pid) => hasMapped(pid, texts))) return true;
  for (let look = 1; await some(pids, hasOnTheWay); look += 1) {
    if (look === LOOKS) return true;
    await delay(BETWEEN_LOOKS_MS);
  }
  return false;
};

/** Sums what these processes, and those below them that have ended, have written to disks and not taken back before it was there. @returns bytes */
export const writtenBytes = async (pids: readonly number[]): Promise<number> => {
  let sum = 0;
  for (const pid of pids) {
    const io = await readFile(`/proc/${pid}/io`, 'utf8').catch(() => '');
    const of = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(io)?.[1] ?? 0);
    sum += Math.max(0, of('write_bytes') - of('cancelled_write_bytes'));
  }
  return sum;
};
