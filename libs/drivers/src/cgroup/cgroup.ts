import { readFile } from 'node:fs/promises';

import { openV1 } from './version-1.js';
import { openV2 } from './version-2.js';

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
  /** Limits of it that such a process would not come under; absent: none. */
  readonly unjoined?: readonly Limit[];
  /** What programs read their own limits from. */
  readonly views: readonly GroupView[];
  /** Numbers of its processes. */
  processes(): readonly number[];
  /** What its processes have used and hold now; pages of files that the kernel would drop first are not counted. */
  use(): { readonly cpuMs?: number; readonly memoryMB?: number };
  usage(): { readonly cpuMs?: number; readonly peakMemoryMB?: number; readonly oomKills: number };
  /** Kills its processes; version 1 also waits until they are gone. Never rejects. */
  kill(): Promise<void>;
  remove(): Promise<void>;
}

/** Where this agent makes control groups; `limits` is what the kernel lets it set. */
export interface CgroupParent {
  readonly limits: readonly Limit[];
  /** Each holds a folder of its name for every group. */
  readonly folders: readonly string[];
  /** @throws Error the kernel does not take it */
  create(name: string, limits: CgroupLimits): Promise<Cgroup>;
  /** Removes this agent's own folder, once its instances are gone. */
  close(): Promise<void>;
}

/** @param name folder name of this agent's groups, unique on the machine; @returns undefined where nothing may be limited */
export const openCgroups = async (name: string): Promise<CgroupParent | undefined> => {
  try {
    const own = await readFile('/proc/self/cgroup', 'utf8');
    const mounts = await readFile('/proc/self/mountinfo', 'utf8');
    return (await openV1(name, own, mounts)) ?? (await openV2(name, own, mounts));
  } catch {
    return undefined;
  }
};
