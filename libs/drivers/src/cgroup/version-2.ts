import { writeFileSync } from 'node:fs';
import { access, constants, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '../process/error-code.js';
import type { Cgroup, CgroupParent, Limit } from './cgroup.js';
import {
  CPU_PERIOD_US,
  killAll,
  makeGroup,
  megabytes,
  optional,
  processesOf,
  readKeyed,
  readNumber,
  removeGroup,
  sweep,
  tryLimit,
  workingSet,
  writeLimit,
} from './group-files.js';

const LIMITS: readonly Limit[] = ['memory', 'cpu', 'pids'];

/** Where the groups of version 2 are seen, and the one that this process is in. */
export interface PlaceV2 {
  readonly top: string;
  readonly own: string;
}

/** @param own lines of /proc/self/cgroup  @param mounts text of /proc/self/mountinfo */
export const locateV2 = (own: string, mounts: string): PlaceV2 | undefined => {
  const path = /^0::(.*)$/m.exec(own)?.[1];
  if (path === undefined) return undefined;
  for (const line of mounts.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root = '/', at = ''] = before.split(' ');
    if (!after.startsWith('cgroup2 ')) continue;
    // In a container the mount may show only the part below `root`; what lies outside of a namespace begins with `/..`.
    const below = root === '/' ? path : path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : '';
    return { top: at, own: below === '/' || below.startsWith('/..') ? at : join(at, below) };
  }
  return undefined;
};

/**
 * Groups below which this agent may make its own, the best first. Root: below the top, then below its own. An ordinary user: below its own, if that was
 * delegated to it; or beside it, below the nearest one that was, as systemd delegates a user's slices.
 */
export const candidatesV2 = ({ top, own }: PlaceV2, isRoot: boolean): readonly string[] => {
  const above: string[] = [];
  for (let at = own; at.startsWith(top); at = dirname(at)) {
    above.push(at);
    if (at === top) break;
  }
  return isRoot ? [...new Set([top, own])] : above;
};

const words = async (file: string): Promise<readonly string[]> =>
  (await readFile(file, 'utf8')).trim().split(' ').filter(Boolean);

/** The leaf in which an agent of this name sits so that its group may have children. */
const leafOf = (name: string): string => `${name}-agent`;

/** Where an agent was before it went into its leaf: the groups of one that began there before it are to be found again. */
export const outsideLeaf = (place: PlaceV2, name: string): PlaceV2 =>
  basename(place.own) === leafOf(name) ? { ...place, own: dirname(place.own) } : place;

/**
 * Takes the processes out of a group, into a leaf below it: a group with processes may not hand controllers to its children.
 * @param others whether those of others may be moved: in a container, where all of them are its own
 * @returns whether it has none now
 */
const emptied = async (base: string, leaf: string, others: boolean): Promise<boolean> => {
  const pids = processesOf(base);
  if (!others && pids.some((pid) => pid !== process.pid)) return false;
  await mkdir(leaf, { recursive: true });
  for (const pid of pids) {
    await writeFile(join(leaf, 'cgroup.procs'), String(pid)).catch((error: unknown) => {
      if (errorCode(error) !== 'ESRCH') throw error;
    });
  }
  return true;
};

/** Hands what can be limited to the children of a group. @returns what they have then */
const handDown = async (base: string, makeEmpty?: () => Promise<boolean>): Promise<readonly Limit[]> => {
  const available = await words(join(base, 'cgroup.controllers'));
  const control = join(base, 'cgroup.subtree_control');
  let mayEmpty = makeEmpty;
  for (const limit of LIMITS.filter((one) => available.includes(one))) {
    const enable = (): Promise<void> => writeFile(control, `+${limit}`);
    // One that is refused, `cpu` beside real-time processes, say, does not cost the others.
    await enable().catch(async (error: unknown) => {
      const retry = errorCode(error) === 'EBUSY' && mayEmpty ? mayEmpty : undefined;
      mayEmpty = undefined;
      if (retry && (await retry())) await enable().catch(() => undefined);
    });
  }
  const enabled = await words(control);
  return LIMITS.filter((limit) => enabled.includes(limit));
};

/** @param others see `emptied` @returns undefined where nothing can be limited @throws Error it may not be written */
const openBelow = async (base: string, name: string, others: boolean): Promise<CgroupParent | undefined> => {
  // Who starts in a group below may only be moved there by one who may write this.
  await access(join(base, 'cgroup.procs'), constants.W_OK);
  const parent = join(base, name);
  await mkdir(parent, { recursive: true });
  await handDown(base, () => emptied(base, join(base, leafOf(name)), others));
  const limits = await handDown(parent);
  if (limits.length === 0) {
    await removeGroup(parent);
    return undefined;
  }
  await sweep(parent);
  return groupsIn(parent, limits);
};

/** What the files of a group count of the processes in it. */
export const countsV2 = (folder: string): Pick<Cgroup, 'use' | 'usage'> => {
  const cpuMs = (): number | undefined => {
    const microseconds = readKeyed(join(folder, 'cpu.stat'), 'usage_usec');
    return microseconds === undefined ? undefined : microseconds / 1000;
  };
  return {
    use: () => {
      const bytes = readNumber(join(folder, 'memory.current'));
      const inactive = readKeyed(join(folder, 'memory.stat'), 'inactive_file');
      return { ...optional('cpuMs', cpuMs()), ...optional('memoryMB', megabytes(workingSet(bytes, inactive))) };
    },
    usage: () => ({
      ...optional('cpuMs', cpuMs()),
      ...optional('peakMemoryMB', megabytes(readNumber(join(folder, 'memory.peak')))),
      oomKills: readKeyed(join(folder, 'memory.events'), 'oom_kill') ?? 0,
    }),
  };
};

/** A parent of groups in a folder of this agent's, in which so much can be limited. */
const groupsIn = (parent: string, limits: readonly Limit[]): CgroupParent => ({
  limits,
  folders: [parent],
  close: () => removeGroup(parent),
  create: async (id, wanted) => {
    const folder = join(parent, id);
    await makeGroup(folder);
    const write = (limit: Limit, file: string, value: string, set = writeLimit): void => {
      if (limits.includes(limit)) set(folder, file, value);
    };
    if (wanted.memoryMB > 0) {
      write('memory', 'memory.max', String(Math.round(wanted.memoryMB * 1_048_576)));
      write('memory', 'memory.swap.max', '0', tryLimit);
    }
    if (wanted.cores > 0) write('cpu', 'cpu.max', `${Math.round(wanted.cores * CPU_PERIOD_US)} ${CPU_PERIOD_US}`);
    write('pids', 'pids.max', String(wanted.maxProcesses));
    return {
      joinFiles: [join(folder, 'cgroup.procs')],
      views: [{ folder, name: '' }],
      processes: () => processesOf(folder),
      ...countsV2(folder),
      kill: async () => {
        try {
          writeFileSync(join(folder, 'cgroup.kill'), '1');
        } catch {
          await killAll([folder]); // older than Linux 5.14
        }
      },
      remove: () => removeGroup(folder),
    };
  },
});

/** Opens groups of version 2 below the best group that may be ours. @returns undefined where none may */
export const openV2 = async (name: string, own: string, mounts: string): Promise<CgroupParent | undefined> => {
  const found = locateV2(own, mounts);
  if (!found) return undefined;
  const place = outsideLeaf(found, name);
  const isRoot = process.getuid?.() === 0;
  for (const base of candidatesV2(place, isRoot)) {
    // Not ours to write, for one reason or another: perhaps the next one is.
    const opened = await openBelow(base, name, isRoot && base === place.top).catch(() => undefined);
    if (opened) return opened;
  }
  return undefined;
};
