import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

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

/** What the files of groups count of the processes in them. */
export const countsV1 = ({
  memory,
  cpu,
}: {
  readonly memory: string | undefined;
  readonly cpu: string | undefined;
}): Pick<Cgroup, 'use' | 'usage'> => {
  const cpuMs = (): number | undefined => {
    const nanoseconds = cpu === undefined ? undefined : readNumber(join(cpu, 'cpuacct.usage'));
    return nanoseconds === undefined ? undefined : nanoseconds / 1e6;
  };
  return {
    use: () => {
      const bytes = memory === undefined ? undefined : readNumber(join(memory, 'memory.usage_in_bytes'));
      const inactive = memory === undefined ? undefined : readKeyed(join(memory, 'memory.stat'), 'total_inactive_file');
      return { ...optional('cpuMs', cpuMs()), ...optional('memoryMB', megabytes(workingSet(bytes, inactive))) };
    },
    usage: () => {
      const peak = memory === undefined ? undefined : readNumber(join(memory, 'memory.max_usage_in_bytes'));
      const oomKills = memory === undefined ? undefined : readKeyed(join(memory, 'memory.oom_control'), 'oom_kill');
      return {
        ...optional('cpuMs', cpuMs()),
        ...optional('peakMemoryMB', megabytes(peak)),
        oomKills: oomKills ?? 0,
      };
    },
  };
};

export const openV1 = async (name: string, own: string, mounts: string): Promise<CgroupParent | undefined> => {
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
    create: async (id, wanted) => {
      const at = new Map([...parents].map(([controller, parent]) => [controller, join(parent, id)]));
      const folders = [...new Set(at.values())];
      for (const folder of folders) await makeGroup(folder);
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
        ...countsV1({ memory, cpu }),
        kill: () => killAll(folders),
        remove: async () => {
          for (const folder of folders) await removeGroup(folder);
        },
      };
    },
  };
};
