import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, readdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { errorCode } from '../process/error-code.js';
import { signalQuietly } from '../process/proc.js';

export type Limit = 'memory' | 'cpu' | 'pids';

export interface CgroupLimits {
  /** 0 = unlimited. */
  readonly cores: number;
  readonly memoryMB: number;
  readonly maxProcesses: number;
}

/** A folder of a control group, and its name where an instance sees groups (`/sys/fs/cgroup`); empty: it is that place. */
export interface GroupView {
  readonly folder: string;
  readonly name: string;
}

/** One instance's control group. */
export interface Cgroup {
  /** A process that writes its own number into each of these has joined. */
  readonly joinFiles: readonly string[];
  /** What programs read their own limits from. */
  readonly views: readonly GroupView[];
  /** Numbers of its processes. */
  processes(): readonly number[];
  /** What its processes have used and hold now; pages of files that the kernel would drop first are not counted. */
  use(): { readonly cpuMs?: number; readonly memoryMB?: number };
  usage(): { readonly cpuMs?: number; readonly peakMemoryMB?: number; readonly oomKills: number };
  kill(): void;
  remove(): Promise<void>;
}

/** Where this agent makes control groups; `limits` is what the kernel lets it set. */
export interface CgroupParent {
  readonly limits: readonly Limit[];
  /** Each holds a folder of its name for every group. */
  readonly folders: readonly string[];
  /** @throws Error the kernel does not take it */
  create(name: string, limits: CgroupLimits): Cgroup;
  /** Removes this agent's own folder, once its instances are gone. */
  close(): Promise<void>;
}

const CPU_PERIOD_US = 100_000;
// Files of control groups are the kernel's memory: a call takes some microseconds, and ten times that through the thread pool. An instance needs thirty.
const readNumber = (path: string): number | undefined => {
  try {
    const value = Number(readFileSync(path, 'utf8').trim());
    return Number.isFinite(value) ? value : undefined;
  } catch {
    return undefined;
  }
};
/** Value of `key` in a flat keyed file such as memory.events. */
const readKeyed = (path: string, key: string): number | undefined => {
  try {
    const line = readFileSync(path, 'utf8')
      .split('\n')
      .find((text) => text.startsWith(`${key} `));
    return line === undefined ? undefined : Number(line.slice(key.length + 1));
  } catch {
    return undefined;
  }
};
const megabytes = (bytes: number | undefined): number | undefined =>
  bytes === undefined ? undefined : bytes / 1_048_576;
const optional = <K extends string>(key: K, value: number | undefined): { [P in K]?: number } =>
  value === undefined ? {} : ({ [key]: value } satisfies Record<string, number> as { [P in K]?: number });

const processesOf = (folder: string): readonly number[] => {
  try {
    return readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  } catch {
    return []; // the group is gone
  }
};

const killAll = (folder: string): void => {
  for (const pid of processesOf(folder)) signalQuietly(pid, 'SIGKILL');
};

/** Sets a limit. @throws Error the kernel does not take it */
const writeLimit = (folder: string, file: string, value: string): void => writeFileSync(join(folder, file), value);

/** Sets what only some kernels count. */
const tryLimit = (folder: string, file: string, value: string): void => {
  try {
    writeLimit(folder, file, value);
  } catch {
    // no accounting of swap
  }
};

/** Memory without the part of the page cache that nobody uses. */
const workingSet = (bytes: number | undefined, inactive: number | undefined): number | undefined =>
  bytes === undefined ? undefined : Math.max(0, bytes - (inactive ?? 0));

/** Removing fails with EBUSY while the last process is being reaped: a few tries, then it is left to the next start. */
const removeGroup = async (folder: string): Promise<void> => {
  try {
    return rmdirSync(folder);
  } catch {
    // below
  }
  for (let waitMs = 1; waitMs < 1_000; waitMs *= 2) {
    try {
      return await rmdir(folder);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
};

/** Kills and removes the groups that an earlier agent with the same folder left. */
const sweep = async (parent: string): Promise<void> => {
  for (const entry of await readdir(parent, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    killAll(join(parent, entry.name));
    await removeGroup(join(parent, entry.name));
  }
};

/** @param own lines of /proc/self/cgroup  @param mounts text of /proc/self/mountinfo */
export const locateV1 = (own: string, mounts: string): ReadonlyMap<string, string> => {
  const paths = new Map<string, string>();
  for (const line of own.split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const controller of controllers.split(',').filter(Boolean)) paths.set(controller, path);
  }
  const folders = new Map<string, string>();
  for (const line of mounts.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root = '/', at = ''] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    if (type !== 'cgroup') continue;
    for (const controller of options.split(',')) {
      const path = paths.get(controller);
      if (path === undefined) continue;
      // In a container the mount shows only the part below `root`.
      const below = path === '/' ? '' : root === '/' ? path : path.startsWith(root) ? path.slice(root.length) : '';
      folders.set(controller, join(at, below));
    }
  }
  return folders;
};

const CONTROLLER_OF: Readonly<Record<Limit, string>> = { memory: 'memory', cpu: 'cpu', pids: 'pids' };

const openV1 = async (name: string, own: string, mounts: string): Promise<CgroupParent | undefined> => {
  const located = locateV1(own, mounts);
  const parents = new Map<string, string>();
  for (const controller of [...Object.values(CONTROLLER_OF), 'cpuacct']) {
    const at = located.get(controller);
    if (at === undefined) continue;
    try {
      const parent = join(at, name);
      await mkdir(parent, { recursive: true });
      await sweep(parent);
      parents.set(controller, parent);
    } catch {
      // not ours to write: this limit is not enforced
    }
  }
  if (parents.size === 0) return undefined;
  const limits = (['memory', 'cpu', 'pids'] as const).filter((limit) => parents.has(CONTROLLER_OF[limit]));
  return {
    limits,
    folders: [...new Set(parents.values())],
    close: async () => {
      for (const parent of new Set(parents.values())) await removeGroup(parent);
    },
    create: (id, wanted) => {
      const at = new Map([...parents].map(([controller, parent]) => [controller, join(parent, id)]));
      const folders = [...new Set(at.values())];
      for (const folder of folders) mkdirSync(folder, { recursive: true });
      const write = (controller: string, file: string, value: number, set = writeLimit): void => {
        const folder = at.get(controller);
        if (folder !== undefined) set(folder, file, String(Math.round(value)));
      };
      if (wanted.memoryMB > 0) {
        write('memory', 'memory.limit_in_bytes', wanted.memoryMB * 1_048_576);
        write('memory', 'memory.memsw.limit_in_bytes', wanted.memoryMB * 1_048_576, tryLimit);
      }
      if (wanted.cores > 0) write('cpu', 'cpu.cfs_quota_us', wanted.cores * CPU_PERIOD_US);
      write('pids', 'pids.max', wanted.maxProcesses);
      const memory = at.get('memory');
      const cpu = at.get('cpuacct');
      return {
        joinFiles: folders.map((folder) => join(folder, 'cgroup.procs')),
        views: [...at].map(([controller, folder]) => ({ folder, name: controller })),
        processes: () => processesOf(folders[0] ?? ''),
        use: () => {
          const nanoseconds = cpu === undefined ? undefined : readNumber(join(cpu, 'cpuacct.usage'));
          const bytes = memory === undefined ? undefined : readNumber(join(memory, 'memory.usage_in_bytes'));
          const inactive =
            memory === undefined ? undefined : readKeyed(join(memory, 'memory.stat'), 'total_inactive_file');
          return {
            ...optional('cpuMs', nanoseconds === undefined ? undefined : nanoseconds / 1e6),
            ...optional('memoryMB', megabytes(workingSet(bytes, inactive))),
          };
        },
        usage: () => {
          const nanoseconds = cpu === undefined ? undefined : readNumber(join(cpu, 'cpuacct.usage'));
          const peak = memory === undefined ? undefined : readNumber(join(memory, 'memory.max_usage_in_bytes'));
          const oomKills = memory === undefined ? undefined : readKeyed(join(memory, 'memory.oom_control'), 'oom_kill');
          return {
            ...optional('cpuMs', nanoseconds === undefined ? undefined : nanoseconds / 1e6),
            ...optional('peakMemoryMB', megabytes(peak)),
            oomKills: oomKills ?? 0,
          };
        },
        kill: () => {
          for (const folder of folders) killAll(folder);
        },
        remove: async () => {
          for (const folder of folders) await removeGroup(folder);
        },
      };
    },
  };
};

/**
 * cgroup v2: root makes its groups below the top; an ordinary user below its own group, if that is delegated to it. The
 * agent then moves into a leaf, because a group with processes may not hand controllers to its children.
 */
const openV2 = async (name: string, own: string): Promise<CgroupParent | undefined> => {
  const path = /^0::(.*)$/m.exec(own)?.[1];
  if (path === undefined) return undefined;
  const isRoot = process.getuid?.() === 0;
  const base = isRoot ? '/sys/fs/cgroup' : join('/sys/fs/cgroup', path);
  const enable = async (folder: string): Promise<void> => {
    const available = (await readFile(join(folder, 'cgroup.controllers'), 'utf8')).trim().split(' ');
    for (const controller of ['memory', 'cpu', 'pids'].filter((wanted) => available.includes(wanted))) {
      await writeFile(join(folder, 'cgroup.subtree_control'), `+${controller}`);
    }
  };
  const parent = join(base, name);
  if (!isRoot) {
    const leaf = join(base, `${name}-agent`);
    await mkdir(leaf, { recursive: true });
    await writeFile(join(leaf, 'cgroup.procs'), String(process.pid));
  }
  await enable(base);
  await mkdir(parent, { recursive: true });
  await enable(parent);
  await sweep(parent);
  const enabled = (await readFile(join(parent, 'cgroup.subtree_control'), 'utf8')).trim().split(' ');
  const limits = (['memory', 'cpu', 'pids'] as const).filter((limit) => enabled.includes(limit));
  if (limits.length === 0) return undefined;
  return {
    limits,
    folders: [parent],
    close: () => removeGroup(parent),
    create: (id, wanted) => {
      const folder = join(parent, id);
      mkdirSync(folder, { recursive: true });
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
        use: () => {
          const microseconds = readKeyed(join(folder, 'cpu.stat'), 'usage_usec');
          const bytes = readNumber(join(folder, 'memory.current'));
          const inactive = readKeyed(join(folder, 'memory.stat'), 'inactive_file');
          return {
            ...optional('cpuMs', microseconds === undefined ? undefined : microseconds / 1000),
            ...optional('memoryMB', megabytes(workingSet(bytes, inactive))),
          };
        },
        usage: () => {
          const microseconds = readKeyed(join(folder, 'cpu.stat'), 'usage_usec');
          return {
            ...optional('cpuMs', microseconds === undefined ? undefined : microseconds / 1000),
            ...optional('peakMemoryMB', megabytes(readNumber(join(folder, 'memory.peak')))),
            oomKills: readKeyed(join(folder, 'memory.events'), 'oom_kill') ?? 0,
          };
        },
        kill: () => {
          try {
            writeFileSync(join(folder, 'cgroup.kill'), '1');
          } catch {
            killAll(folder); // older than Linux 5.14
          }
        },
        remove: () => removeGroup(folder),
      };
    },
  };
};

/** @param name folder name of this agent's groups, unique on the machine; @returns undefined where nothing may be limited */
export const openCgroups = async (name: string): Promise<CgroupParent | undefined> => {
  try {
    const own = await readFile('/proc/self/cgroup', 'utf8');
    const mounts = await readFile('/proc/self/mountinfo', 'utf8');
    return (await openV1(name, own, mounts)) ?? (await openV2(name, own));
  } catch {
    return undefined;
  }
};
