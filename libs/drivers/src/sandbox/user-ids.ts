import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../process/error-code.js';
import { startTimeOf } from '../process/proc.js';

/** User and group ids from `first` to `last`, both included. */
export interface IdRange {
  readonly first: number;
  readonly last: number;
}

/** User and group of one instance; the same number for both. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Where the agents of a machine agree on ids. */
export const USER_IDS_DIR = '/run/fornax/user-ids';
/** Ids that an agent takes for itself at once. */
const BLOCK = 1_024;
/** Tried in this order: far from people and services; then for a container whose user namespace has few ids. */
const DEFAULT_IDS: readonly IdRange[] = [
  { first: 200_000, last: 265_535 },
  { first: 50_000, last: 59_999 },
];

/** Whether every id of a range exists in this user namespace: /proc/self/uid_map holds lines of "inside outside count". */
export const isMapped = ({ first, last }: IdRange, map: string): boolean =>
  map.split('\n').some((line) => {
    const [inside = NaN, , count = 0] = line.trim().split(/\s+/).map(Number);
    return first >= inside && last < inside + count;
  });

/** @throws Error no such ids here */
export const chooseIds = async (wanted: IdRange | undefined): Promise<IdRange> => {
  const maps = await Promise.all(['uid_map', 'gid_map'].map((name) => readFile(join('/proc/self', name), 'utf8')));
  const candidates = wanted ? [wanted] : DEFAULT_IDS;
  const found = candidates.find((range) => maps.every((map) => isMapped(range, map)));
  if (found) return found;
  const tried = candidates.map(({ first, last }) => `${first}-${last}`).join(' and ');
  throw new Error(`user ids ${tried} do not exist here; set FORNAX_NODE_USER_IDS to a range of /proc/self/uid_map`);
};

/**
 * Lends each instance a user of its own, so that no instance can read, signal or trace another. Agents of one machine take blocks of
 * the range by files in a folder that they share. An id comes back only when nothing of its files is left, and then as late as possible.
 */
export class UserIds {
  readonly #free: number[] = [];
  readonly #blocks: string[] = [];
  #taking: Promise<void> = Promise.resolve();

  /**
   * @param range ids that may be used
   * @param folder where the agents of this machine agree who uses which
   * @param instancesDir where this agent's instances have their files: proof, for others, whether a dead agent's block is still in use
   */
  constructor(
    private readonly range: IdRange,
    private readonly folder: string,
    private readonly instancesDir: string,
  ) {}

  /** @throws Error every id is in use */
  async take(): Promise<Owner> {
    if (this.#free.length === 0) {
      this.#taking = this.#taking.catch(() => undefined).then(() => this.#takeBlock());
      await this.#taking;
    }
    const id = this.#free.shift();
    if (id === undefined) return this.take();
    return { uid: id, gid: id };
  }

  /** Only once no file and no process of this user is left. */
  giveBack({ uid }: Owner): void {
    this.#free.push(uid);
  }

  async close(): Promise<void> {
    await Promise.all(this.#blocks.splice(0).map((file) => rm(file, { force: true })));
  }

  async #takeBlock(): Promise<void> {
    if (this.#free.length > 0) return;
    await mkdir(this.folder, { recursive: true, mode: 0o755 });
    for (let first = this.range.first; first <= this.range.last; first += BLOCK) {
      const file = join(this.folder, String(first));
      if (this.#blocks.includes(file) || !(await this.#claim(file))) continue;
      this.#blocks.push(file);
      const last = Math.min(first + BLOCK - 1, this.range.last);
      for (let id = first; id <= last; id += 1) this.#free.push(id);
      return;
    }
    throw new Error(
      `no user id between ${this.range.first} and ${this.range.last} is free; widen FORNAX_NODE_USER_IDS`,
    );
  }

  async #claim(file: string): Promise<boolean> {
    const own = `${process.pid} ${(await startTimeOf(process.pid)) ?? ''} ${this.instancesDir}`;
    for (const attempt of ['first', 'after a dead one']) {
      try {
        await writeFile(file, own, { flag: 'wx', mode: 0o644 });
        return true;
      } catch (error) {
        if (errorCode(error) !== 'EEXIST') {
          // On a full disk the file is there, and empty: nobody would ever take it for one that was given up.
          await rm(file, { force: true });
          throw error;
        }
      }
      if (attempt !== 'first' || !(await this.#isAbandoned(file))) return false;
      await rm(file, { force: true });
    }
    return false;
  }

  /** Its agent is dead, and nothing is left of the agent's instances. */
  async #isAbandoned(file: string): Promise<boolean> {
    const [pid, startTime, ...rest] = (await readFile(file, 'utf8').catch(() => '')).split(' ');
    const instancesDir = rest.join(' ');
    if (startTime === undefined || instancesDir === '') return false;
    const isAlive = (await startTimeOf(Number(pid))) === startTime;
    if (isAlive) return false;
    return instancesDir === this.instancesDir || (await isEmpty(instancesDir));
  }
}

const isEmpty = async (folder: string): Promise<boolean> => {
  try {
    return (await readdir(folder)).length === 0;
  } catch (error) {
    return errorCode(error) === 'ENOENT';
  }
};
