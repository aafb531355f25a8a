import type { Dirent } from 'node:fs';
import { type FileHandle, lstat } from 'node:fs/promises';

import { UserError } from '../failure/user-error.js';
import { joined, keyOfPath } from './file-names.js';
import { type JobFile, MOST_DEPTH, below, codeOf, factsOf, openBelow, openFolder, openRegular } from './job-files.js';
import { entriesOf } from './entries-of.js';
import { type MayRead, rightsIn } from './rights.js';
import { followLink, type LinkTarget } from './job-links.js';
import { type FolderLink, type LowerTree, type Over, type OwnEntries, whatOwns } from './lower-tree.js';

/** Something in a job's folder that is no result, and why. */
export interface LeftOut {
  readonly path: string;
  /** A plural, e.g. `links that lead out of the job`. */
  readonly why: string;
}

/** A symbolic link that leads to something in the job. */
export interface JobLink {
  readonly path: string;
  /** Where it leads, from the job's folder on. */
  readonly target: string;
}

export interface JobListing {
  /** Links that were followed: what they lead to is among the files under their names, too. */
  readonly links: readonly JobLink[];
  /** In the order of their paths. */
  readonly files: readonly JobFile[];
  readonly leftOut: readonly LeftOut[];
}

export interface ListOptions {
  /** The job's folder as the instance sees it: absolute links begin with it. */
  readonly seenAs: string;
  /** How many files and other entries a job may hold. Default half a million. */
  readonly most?: number;
  /** Ends the walk. */
  readonly signal?: AbortSignal;
  /** The job lies over a tree: where that has not changed, nothing is looked at, and nothing listed but links. */
  readonly over?: Over | undefined;
}

const MOST_ENTRIES = 500_000;
/** Steps of links for each entry that there may be: those of usual links are few. */
const STEPS_FOR_EACH = 8;

export const UNREADABLE = 'files or folders that may not be read';
/** By a lease (fcntl(2), F_SETLEASE). */
const HELD = 'files that a program of the instance keeps to itself';
/** One that is empty as before has not changed. */
const FOLDER_VERSION = 'folder';
const SAME_KEY = 'files whose names storage cannot keep apart';

const NOT_NOW: Readonly<Record<string, string>> = { EACCES: UNREADABLE, EPERM: UNREADABLE, EAGAIN: HELD };

/** Why a file that is there is no result now, by what the file system says; undefined for anything else. */
export const notNow = (error: unknown): string | undefined => NOT_NOW[codeOf(error)];

const kindOf = (entry: Dirent<Buffer>): string => {
  if (entry.isFIFO()) return 'pipes';
  if (entry.isSocket()) return 'sockets';
  return 'devices';
};

const isSelfOrAncestor = (names: readonly Buffer[], of: readonly Buffer[]): boolean =>
  names.length <= of.length && names.every((name, at) => of[at]?.equals(name) === true);

/** A folder by its names from the root; `linked`: those that it is to have when a link leads there; `over`: the tree that it may have below it. */
interface Way {
  readonly names: readonly Buffer[];
  readonly linked?: readonly Buffer[] | undefined;
  readonly over?: Over | undefined;
}

/** Lists what an instance left in its job's folder: one walk. */
class Walk {
  readonly files = new Map<string, JobFile>();
  readonly leftOut: LeftOut[] = [];
  readonly followed: JobLink[] = [];
  readonly #links = new Map<string, FolderLink>();
  readonly #folders = new Map<string, number>();
  #entries = 0;
  #steps = 0;
  #mayRead: MayRead | undefined;

  constructor(
    private readonly root: string,
    private readonly options: ListOptions,
    private readonly isForLower = false,
  ) {}

  async run(): Promise<void> {
    this.#mayRead = await rightsIn(this.root).catch(() => undefined);
    await this.#enter(() => this.#openRoot(), { names: [], over: this.options.over });
    // After everything that is there by itself: what a link is named never takes another file's key.
    for (const [path, link] of this.options.over?.lower.links ?? [])
      if (!this.#links.has(path) && (await this.#isLink(link))) this.#links.set(path, link);
    for (const link of this.#links.values()) await this.#follow(link);
  }

  /** A job without its folder has not made nothing: the file system that showed it has gone, say. */
  async #openRoot(): Promise<FileHandle> {
    const root = await openBelow(this.root, []);
    if (!root) throw new Error('the folder of the job is not there');
    return root;
  }

  /** What a job that lies over this one has to know of it. */
  get lower(): LowerTree {
    const targets = new Map(this.followed.map(({ path, target }) => [path, target]));
    const links = [...this.#links].map(([path, link]) => {
      const target = targets.get(keyOfPath(joined([...link.folder, link.name])));
      return [path, target === undefined ? link : { ...link, target }] as const;
    });
    return {
      manifest: new Map([...this.files.values()].map(({ path, version }) => [path, version])),
      folders: this.#folders,
      links: new Map(links),
    };
  }

  async #isLink({ folder, name }: FolderLink): Promise<boolean> {
    const parent = await openBelow(this.root, folder).catch(() => undefined);
    const facts = await (parent && lstat(below(parent, name)).catch(() => undefined));
    await parent?.close();
    return facts?.isSymbolicLink() === true;
  }

  /** Each folder is opened from the one that holds it, which stays open: from the root again, it would cost its depth, and all below that as well. */
  async #enter(open: () => Promise<FileHandle | undefined>, { names, linked, over }: Way): Promise<void> {
    const shown = linked ?? names;
    const folder = await this.#opened(shown, open);
    if (!folder) return;
    const folders: Buffer[] = [];
    let isEmpty = true;
    let own: OwnEntries | undefined;
    try {
      if (over) own = await whatOwns(over, folder, names);
      if (this.isForLower && !linked) this.#folders.set(joined(names).toString('latin1'), (await folder.stat()).ino);
      for await (const entry of own === undefined ? entriesOf(folder) : own.entries()) {
        this.#count();
        isEmpty = false;
        // What is not there any more, where the kernel notes that.
        if (own && entry.isCharacterDevice()) continue;
        if (entry.isDirectory()) folders.push(entry.name);
        else if (entry.isFile()) await this.#file(folder, entry.name, { names, shown });
        else if (!entry.isSymbolicLink()) this.#leave([...shown, entry.name], kindOf(entry));
        else if (linked) this.#leave([...shown, entry.name], 'links below links');
        else this.#links.set(joined([...names, entry.name]).toString('latin1'), { folder: names, name: entry.name });
      }
      if (isEmpty && !own && shown.length > 0) this.#emptyFolder(shown, (await folder.stat()).mode);
      for (const name of folders) {
        const deeper = [...names, name];
        if (deeper.length > MOST_DEPTH) this.#leave([...shown, name], `folders deeper than ${MOST_DEPTH} levels`);
        else {
          const way = { names: deeper, linked: linked && [...linked, name], over: own && over };
          await this.#enter(() => openFolder(below(folder, name)), way);
        }
      }
    } finally {
      await own?.close();
      await folder.close();
    }
  }

  #emptyFolder(shown: readonly Buffer[], mode: number): void {
    const path = `${keyOfPath(joined(shown))}/`;
    if (this.files.has(path)) return this.#leave(shown, SAME_KEY);
    this.files.set(path, { path, sizeBytes: 0, mode, version: FOLDER_VERSION, changedAt: 0 });
  }

  async #file(
    folder: FileHandle,
    name: Buffer,
    { names, shown }: { readonly names: readonly Buffer[]; readonly shown: readonly Buffer[] },
  ): Promise<void> {
    const [place, path] = [joined([...names, name]), joined([...shown, name])];
    const file = await this.#opened([path], () => openRegular(below(folder, name)));
    if (!file) return;
    const stat = await file.stat().finally(() => file.close());
    const key = keyOfPath(path);
    if (this.files.has(key)) return this.#leave([path], SAME_KEY);
    const isPlain = Buffer.from(key).equals(place);
    this.files.set(key, {
      path: key,
      ...(isPlain ? {} : { place }),
      ...factsOf(stat),
    });
  }

  async #follow({ folder, name, target: targetBefore }: FolderLink): Promise<void> {
    const shown = [...folder, name];
    const target = await this.#readable(shown, () => this.#target(folder, name));
    if (!target) return;
    if (target.kind === 'nothing') return this.#leave(shown, target.why);
    if (target.kind === 'folder') {
      if (isSelfOrAncestor(target.names, folder)) return this.#leave(shown, 'links that lead in a circle');
      this.#note(shown, target.names);
      // Below a new link, and one that leads elsewhere now, everything is new.
      const isSame = keyOfPath(joined(target.names)) === targetBefore;
      return this.#enter(() => openBelow(this.root, target.names), {
        names: target.names,
        linked: shown,
        over: isSame ? this.options.over : undefined,
      });
    }
    const parent = await this.#opened(shown, () => openBelow(this.root, target.names.slice(0, -1)));
    const last = target.names.at(-1);
    if (!parent || !last) return;
    try {
      await this.#linked(parent, last, target.names, shown);
      this.#note(shown, target.names);
    } finally {
      await parent.close();
    }
  }

  #note(shown: readonly Buffer[], target: readonly Buffer[]): void {
    this.followed.push({ path: keyOfPath(joined(shown)), target: keyOfPath(joined(target)) });
  }

  /** One file under the name of a link to it. */
  async #linked(parent: FileHandle, last: Buffer, names: readonly Buffer[], shown: readonly Buffer[]): Promise<void> {
    this.#count();
    const file = await this.#opened(shown, () => openRegular(below(parent, last)));
    if (!file) return;
    const stat = await file.stat().finally(() => file.close());
    const path = keyOfPath(joined(shown));
    if (this.files.has(path)) return this.#leave(shown, SAME_KEY);
    this.files.set(path, {
      path,
      place: joined(names),
      ...factsOf(stat),
    });
  }

  /** What the agent may not read is left out; anything else that goes wrong is no matter of the file. */
  async #readable<T>(shown: readonly Uint8Array[], open: () => Promise<T>): Promise<T | undefined> {
    try {
      return await open();
    } catch (error) {
      const why = notNow(error);
      if (why === undefined) throw error;
      this.#leave(shown, why);
      return undefined;
    }
  }

  /** What is open, if the instance could have opened it. */
  async #opened(
    shown: readonly Uint8Array[],
    open: () => Promise<FileHandle | undefined>,
  ): Promise<FileHandle | undefined> {
    const handle = await this.#readable(shown, open);
    if (!handle || !this.#mayRead || this.#mayRead(await handle.stat())) return handle;
    await handle.close();
    this.#leave(shown, UNREADABLE);
    return undefined;
  }

  #leave(shown: readonly Uint8Array[], why: string): void {
    this.leftOut.push({ path: keyOfPath(joined(shown)), why });
  }

  #target(folder: readonly Buffer[], link: Buffer): Promise<LinkTarget> {
    return followLink(this.root, { folder, link, seenAs: this.options.seenAs }, () => this.#step());
  }

  #count(): void {
    this.options.signal?.throwIfAborted();
    this.#entries += 1;
    const { most = MOST_ENTRIES } = this.options;
    if (this.#entries > most)
      throw new UserError(
        'FX-RESULT',
        `The job holds more than ${most} files: put them into fewer ones, e.g. an archive`,
        'limit',
      );
  }

  #step(): void {
    this.options.signal?.throwIfAborted();
    this.#steps += 1;
    const { most = MOST_ENTRIES } = this.options;
    if (this.#steps > most * STEPS_FOR_EACH)
      throw new UserError('FX-RESULT', 'The links of the job are too long to be followed, or too many', 'limit');
  }
}

/**
 * Lists the regular files of a job and its empty folders, links followed once as long as they stay inside of it, and everything that is left out. What vanishes meanwhile
 * is skipped. @throws UserError there are too many of them @throws Error the folder itself is gone @throws the reason of `signal`
 */
export const listFiles = async (root: string, options: ListOptions): Promise<JobListing> => {
  const walk = new Walk(root, options);
  await walk.run();
  const files = [...walk.files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files, links: walk.followed, leftOut: walk.leftOut };
};

/** Lists a tree that jobs are to lie over. @throws UserError, as `listFiles` */
export const listLower = async (root: string, options: ListOptions): Promise<LowerTree> => {
  const walk = new Walk(root, options, true);
  await walk.run();
  return walk.lower;
};
