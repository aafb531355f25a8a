import { execFile } from 'node:child_process';
import type { Dirent } from 'node:fs';
import { lstat, mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { eachLimited } from '@fornax/base';
import { codeOf } from '../files/job-files.js';
import type { LowerTree } from '../files/lower-tree.js';
import { UserError } from '../failure/user-error.js';
import { placeFile } from '../input-cache/place-file.js';

const run = promisify(execFile);
const PARALLEL = 12;

/** The files of a slot, as instances find them that begin now. */
export interface SlotTree {
  readonly dir: string;
  /** For instances that lie over it; undefined where they get a copy. */
  readonly lower?: LowerTree | undefined;
}

/** A slot of a pool that is ready on this node: its files, and the instances that run in its room now. */
export class Slot {
  #inside = 0;
  #emptied: (() => void) | undefined;
  #tree: SlotTree;
  #next: string | undefined;
  #renewals = 0;
  #isRenewing = false;
  /** Instances over each tree. */
  readonly #over = new Map<string, number>();

  private constructor(
    private readonly jobDir: string,
    /** Whether nothing lies there nor ever will, so that no instance has to look. */
    readonly isEmpty: boolean,
    private readonly list: ((dir: string) => Promise<LowerTree>) | undefined,
    lower: LowerTree | undefined,
  ) {
    this.#tree = { dir: jobDir, lower };
  }

  /** @param list lists a tree that instances lie over; absent where they get a copy @throws UserError it cannot be listed */
  static async open(jobDir: string, isEmpty: boolean, list?: (dir: string) => Promise<LowerTree>): Promise<Slot> {
    return new Slot(jobDir, isEmpty, list, isEmpty ? undefined : await list?.(jobDir));
  }

  /** An instance takes room. */
  enter(): { readonly tree: SlotTree; readonly leave: () => void } {
    const tree = this.#tree;
    this.#inside += 1;
    this.#over.set(tree.dir, (this.#over.get(tree.dir) ?? 0) + 1);
    const leave = (): void => {
      this.#inside -= 1;
      this.#over.set(tree.dir, (this.#over.get(tree.dir) ?? 0) - 1);
      void this.#removeOld(tree.dir);
      if (this.#inside === 0) this.#emptied?.();
    };
    return { tree, leave };
  }

  /**
   * Has new files put into its folder. Nothing may change below instances that lie over it: they keep theirs, and those that begin from then on lie over another
   * folder, with the same files and the new ones. Safe to repeat.
   */
  async renew(bring: (dir: string) => Promise<void>): Promise<void> {
    if (!this.list) return bring(this.#tree.dir);
    this.#isRenewing = true;
    try {
      // One that was not finished has some of the new files already.
      this.#next ??= await copyOfNames(this.#tree.dir, `${this.jobDir}.${this.#renewals + 1}`);
      const dir = this.#next;
      await bring(dir);
      const lower = await this.list(dir);
      const old = this.#tree.dir;
      this.#tree = { dir, lower };
      this.#next = undefined;
      this.#renewals += 1;
      await this.#removeOld(old);
    } finally {
      this.#isRenewing = false;
    }
  }

  get isInUse(): boolean {
    return this.#inside > 0;
  }

  /** Whether files lie there that it would have replaced but for the instances over them, or is replacing now: both count on the disk. */
  get holdsOld(): boolean {
    return this.#isRenewing || [...this.#over].some(([dir, count]) => dir !== this.#tree.dir && count > 0);
  }

  async #removeOld(dir: string): Promise<void> {
    if (dir === this.#tree.dir || (this.#over.get(dir) ?? 0) > 0) return;
    this.#over.delete(dir);
    // What cannot be removed now goes with the slot.
    await rm(dir, { recursive: true, force: true }).catch(() => undefined);
  }

  /** Resolves when nobody is inside. */
  async empty(): Promise<void> {
    if (this.#inside === 0) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#emptied = () => resolve(undefined);
    await promise;
  }
}

/** Folders of their own, and other names for the same files. @returns the copy @throws UserError something may not be read, for one */
const copyOfNames = async (from: string, to: string): Promise<string> => {
  await rm(to, { recursive: true, force: true });
  try {
    await run('cp', ['-a', '-l', '--', from, to], { env: { PATH: process.env['PATH'], LC_ALL: 'C' } });
    return to;
  } catch (cause) {
    await rm(to, { recursive: true, force: true }).catch(() => undefined);
    const complaint = complaintOf(cause).replaceAll(from, '').split('\n', 1)[0] ?? '';
    const message = `What lies in the slot cannot be copied, so it gets no new ones: ${complaint}`;
    throw complaint.includes('Permission denied') ? new UserError('FX-INPUT', message) : new Error(message, { cause });
  }
};

const complaintOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr) : String(error);

const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT';

/** What the instance has at the path already comes from its own inputs, which come first. */
const unlessThere = async (work: Promise<unknown>): Promise<void> => {
  try {
    await work;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
};

/**
 * Puts the files of a slot where an instance in it finds them. Nothing of the slot runs, so nobody moves them meanwhile but the agent, which replaces
 * whole files. What lies there already stays. @returns whether there was anything
 */
export const placeSlotFiles = async (
  from: string,
  to: string,
  { mayLink, signal }: { readonly mayLink: boolean; readonly signal: AbortSignal },
): Promise<boolean> => {
  const entries = await readdir(from, { withFileTypes: true });
  if (entries.length === 0) return false;
  await eachLimited(entries, PARALLEL, async (entry) => {
    signal.throwIfAborted();
    await placeEntry(entry, join(from, entry.name), join(to, entry.name), { mayLink, signal });
  });
  return true;
};

const placeEntry = async (
  entry: Dirent,
  source: string,
  target: string,
  options: { readonly mayLink: boolean; readonly signal: AbortSignal },
): Promise<void> => {
  if (entry.isDirectory()) {
    await unlessThere(mkdir(target));
    if ((await lstat(target)).isDirectory()) await placeSlotFiles(source, target, options);
  } else if (entry.isSymbolicLink()) await unlessThere(readlink(source).then((link) => symlink(link, target)));
  else if (entry.isFile()) {
    const there = await lstat(target).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
      return undefined;
    });
    if (there) return;
    const { size: sizeBytes, mode } = await lstat(source);
    // The very file only where another user may read it, and nobody but its owner may write it.
    const mayLink = options.mayLink && (mode & 0o004) !== 0 && (mode & 0o022) === 0;
    await placeFile({ file: source, sizeBytes, isExecutable: (mode & 0o100) !== 0 }, target, { mayLink });
  }
};
