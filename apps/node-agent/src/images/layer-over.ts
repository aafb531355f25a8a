import { closeSync, fchmodSync, openSync, writeFileSync } from 'node:fs';
import { link, mkdir, open, readdir, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

import { codeOf } from '../files/job-files.js';
import type { Spend } from './layer-budget.js';
import { OwnNames } from './own-names.js';
import type { TarEntry } from './tar-reader.js';
import { entryAt, folderIn, LayerRefused, nameIn, partsOf } from './tree-path.js';

/** Of all that is in that library a thread needs this, and seldom. */
const removeTree = async (path: string): Promise<void> => (await import('@fornax/drivers')).removeTree(path);

/** An entry that is to be put into its place: with its content, in pieces or whole, or with a file that has it and that is moved there. */
export interface Brought extends Omit<TarEntry, 'content'> {
  readonly content: AsyncIterable<Buffer> | Buffer | { readonly file: string };
}

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
/** Of what every entry costs. */
export const BLOCK = 512;
/** What a disk gives at least to what has content: files of one byte, too, and folders. */
const DISK_BLOCK = 4_096;

/** All may read what its owner may, nobody but its owner may write, and nothing runs with another's rights. */
const rightsOf = (mode: number, isFolder: boolean): number => {
  const own = (mode & 0o700) | 0o400 | (isFolder ? 0o700 : 0);
  return own | ((own & 0o500) >> 3) | ((own & 0o500) >> 6);
};

/** Folders whose places are remembered at a time. */
const MOST_FOLDERS = 4_096;

/** Puts one layer over what earlier ones left in a folder. Nothing else may change it meanwhile. */
export class LayerOver {
  /** What this layer brought itself, which what it hides of others does not hide. */
  readonly #own: OwnNames;
  /** Folders that were looked for, and where they are; forgotten whenever something goes or a link comes. */
  #folders = new Map<string, string>();

  /** @param mostOwnBytes of names that the layer may bring */
  constructor(
    private readonly root: string,
    private readonly spend: Spend,
    mostOwnBytes?: number,
  ) {
    this.#own = new OwnNames(mostOwnBytes);
  }

  /** Takes what an entry costs from what is left: something, so that a layer of nothing but names ends, too. @throws what `spend` throws */
  pay({ type, size }: Pick<TarEntry, 'type' | 'size'>): Promise<void> | undefined {
    return this.spend(BLOCK + (type === 'file' ? Math.ceil(size / DISK_BLOCK) * DISK_BLOCK : 0));
  }

  /** Puts what was paid for into its place. @throws LayerRefused, what `spend` throws, and what the disk says */
  async place(entry: Brought): Promise<void> {
    const { name, type, mode, linkname } = entry;
    const parts = this.#safe(name);
    const base = parts.pop();
    // Nothing that leads out of the files of an image is made; what runs in it has devices of its own.
    if (base === undefined || type === 'device') return;
    if (type === 'other') throw new LayerRefused(`${name.slice(0, 200)} is of a kind that is not unpacked`);
    const folder = await this.#folder(parts.join('/'));
    if (base.startsWith(WHITEOUT)) return this.#hide(folder, base);
    const path = nameIn(this.root, folder, base);
    if (type === 'directory') await this.#makeFolder(path, mode);
    else if (type === 'symlink') await this.#makeRoom(path, () => symlink(linkname, path));
    else if (type === 'link') {
      const target = await this.#linked(linkname);
      if (target !== path) await this.#makeRoom(path, () => link(target, path));
    } else await this.#write(path, mode, entry.content);
    this.#own.add(folder, base);
  }

  #safe(name: string): string[] {
    const parts = partsOf(name);
    if (parts.includes('..') || name.includes('\0'))
      throw new LayerRefused(`it names what lies outside of it: ${JSON.stringify(name.slice(0, 200))}`);
    return parts;
  }

  async #folder(path: string): Promise<string> {
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const made = async (): Promise<void> => this.spend(BLOCK + DISK_BLOCK);
    const found = (await folderIn(this.root, path, made)) ?? this.root;
    // Names that lead to one folder may be without number.
    if (this.#folders.size >= MOST_FOLDERS) this.#folders = new Map();
    this.#folders.set(path, found);
    return found;
  }

  /** What earlier layers have there goes, and what this one has stays. */
  async #hide(folder: string, base: string): Promise<void> {
    const name = base.slice(WHITEOUT.length);
    if (base === OPAQUE) {
      const there = await readdir(folder);
      for (const each of there) if (!this.#own.has(folder, each)) await this.#remove(join(folder, each));
      return;
    }
    // Others that begin so are notes of a file system to itself.
    if (name.startsWith(WHITEOUT)) return;
    if (name === '' || name === '.' || name === '..') throw new LayerRefused('it hides what has no name');
    await this.#remove(join(folder, name));
  }

  async #remove(path: string): Promise<void> {
    await removeTree(path);
    this.#folders = new Map();
  }

  async #makeFolder(path: string, mode: number): Promise<void> {
    const facts = await entryAt(path);
    if (facts?.isDirectory() !== true) {
      if (facts) await this.#remove(path);
      await this.spend(DISK_BLOCK);
      await mkdir(path);
    }
    const handle = await open(path, 'r');
    await handle.chmod(rightsOf(mode, true)).finally(() => handle.close());
  }

  async #write(path: string, mode: number, content: Brought['content']): Promise<void> {
    if (Buffer.isBuffer(content)) return this.#makeRoom(path, () => writeAtOnce(path, mode, content));
    if (!('file' in content)) return this.#makeRoom(path, () => writeFileOf(path, mode, content));
    // Not over what is there, as `rename` would: a link may lead to folders that are known.
    if (await entryAt(path)) await this.#remove(path);
    await rename(content.file, path);
  }

  async #makeRoom(path: string, make: () => Promise<void> | void): Promise<void> {
    try {
      await make();
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      await this.#remove(path);
      await make();
    }
  }

  /** What a hard link means, in this tree and nowhere else. */
  async #linked(name: string): Promise<string> {
    const parts = this.#safe(name);
    const base = parts.pop() ?? '';
    const folder = await folderIn(this.root, parts.join('/'));
    const target = folder === undefined ? '' : join(folder, base);
    const facts = folder === undefined ? undefined : await entryAt(target);
    if (facts?.isFile() !== true && facts?.isSymbolicLink() !== true)
      throw new LayerRefused(`it links to ${JSON.stringify(name.slice(0, 200))}, which is no file of it`);
    return target;
  }
}

/** What is in memory already goes to the kernel's memory: not worth six turns through the thread pool, which images of many small files consist of else. */
const writeAtOnce = (path: string, mode: number, content: Buffer): void => {
  const file = openSync(path, 'wx', mode & 0o700);
  try {
    fchmodSync(file, rightsOf(mode, false));
    writeFileSync(file, content);
  } finally {
    closeSync(file);
  }
};

/** Writes a file of a layer, which is not there yet, with the rights that it has in a tree. In a thread of its own nobody waits for the disk but this layer; elsewhere the agent would. */
export const writeFileOf = async (path: string, mode: number, content: AsyncIterable<Buffer>): Promise<void> => {
  if (!isMainThread) return writeInStep(path, mode, content);
  const handle = await open(path, 'wx', mode & 0o700);
  try {
    await handle.chmod(rightsOf(mode, false));
    for await (const part of content) await handle.writeFile(part);
  } finally {
    await handle.close();
  }
};

const writeInStep = async (path: string, mode: number, content: AsyncIterable<Buffer>): Promise<void> => {
  const file = openSync(path, 'wx', mode & 0o700);
  try {
    fchmodSync(file, rightsOf(mode, false));
    for await (const part of content) writeFileSync(file, part);
  } finally {
    closeSync(file);
  }
};
