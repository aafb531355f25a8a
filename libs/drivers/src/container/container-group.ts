import { accessSync, constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Cgroup, Limit } from '../cgroup/cgroup.js';
import { processesOf } from '../cgroup/group-files.js';
import { countsV1, locateV1 } from '../cgroup/version-1.js';
import { countsV2, locateV2 } from '../cgroup/version-2.js';

type Counts = Pick<Cgroup, 'processes' | 'use' | 'usage'>;

const PROCESSES = 'cgroup.procs';
const NOTHING: Counts = { processes: () => [], use: () => ({}), usage: () => ({ oomKills: 0 }) };

const mayWrite = (path: string): boolean => {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

/** The control groups that an engine made for a container, as this machine shows them: what its processes use is read there, and not asked for. */
export class ContainerGroup implements Cgroup {
  #folders: readonly string[] = [];
  #unjoined: readonly Limit[];
  readonly views = [];
  #counts = NOTHING;
  #peakMemoryMB: number | undefined;
  #oomKills = 0;

  /**
   * @param end kills all that is in the container
   * @param limits what the engine limits by them
   */
  constructor(
    private readonly end: () => Promise<void>,
    private readonly limits: readonly Limit[],
  ) {
    this.#unjoined = limits;
  }

  /** By these what enters the container comes under its limits. */
  get joinFiles(): readonly string[] {
    return this.#folders.map((folder) => join(folder, PROCESSES));
  }

  /** All of them, until they are found. */
  get unjoined(): readonly Limit[] {
    return this.#unjoined;
  }

  /** Whether they were found. */
  get isKnown(): boolean {
    return this.#counts !== NOTHING;
  }

  /** Finds them by a process in the container. Never rejects: without them less is told. */
  async find(pid: number): Promise<void> {
    const [own, mounts] = await Promise.all(
      [`/proc/${pid}/cgroup`, '/proc/self/mountinfo'].map((path) => readFile(path, 'utf8').catch(() => '')),
    );
    const found = locateV1(own ?? '', mounts ?? '');
    const [memory, cpu] = [found.get('memory'), found.get('cpuacct')];
    const first = memory ?? found.get('pids') ?? cpu;
    const v2 = first === undefined ? locateV2(own ?? '', mounts ?? '')?.own : undefined;
    if (first !== undefined) this.#counts = { ...countsV1({ memory, cpu }), processes: () => processesOf(first) };
    else if (v2 !== undefined) this.#counts = { ...countsV2(v2), processes: () => processesOf(v2) };
    const all = v2 === undefined ? [...new Set(found.values())] : [v2];
    this.#folders = all.filter((folder) => processesOf(folder).includes(pid));
    const joined = this.joinFiles.filter(mayWrite);
    this.#unjoined = this.limits.filter((limit) => !joined.includes(join(v2 ?? found.get(limit) ?? '', PROCESSES)));
    // Another place than the container's own: it has none, or they are not seen here.
    if (!this.#counts.processes().includes(pid)) this.#counts = NOTHING;
  }

  /** What the engine says of the end. */
  ended(wasOutOfMemory: boolean): void {
    if (wasOutOfMemory && this.#oomKills === 0) this.#oomKills = 1;
  }

  processes(): readonly number[] {
    return this.#counts.processes();
  }

  use(): ReturnType<Cgroup['use']> {
    this.#look();
    return this.#counts.use();
  }

  /** They go with the container: what was seen last counts. Its processor time is told by its first process. */
  usage(): ReturnType<Cgroup['usage']> {
    this.#look();
    return {
      ...(this.#peakMemoryMB === undefined ? {} : { peakMemoryMB: this.#peakMemoryMB }),
      oomKills: this.#oomKills,
    };
  }

  kill(): Promise<void> {
    return this.end();
  }

  remove(): Promise<void> {
    return Promise.resolve();
  }

  #look(): void {
    const { peakMemoryMB, oomKills } = this.#counts.usage();
    if (peakMemoryMB !== undefined) this.#peakMemoryMB = Math.max(peakMemoryMB, this.#peakMemoryMB ?? 0);
    this.#oomKills = Math.max(this.#oomKills, oomKills);
  }
}
