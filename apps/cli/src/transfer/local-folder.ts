import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { isPart } from './part-file.js';

/** A file of this machine that goes into a bucket. */
export interface LocalFile {
  /** Relative to the folder, with slashes. */
  readonly path: string;
  /** Where it is. */
  readonly file: string;
  readonly size: number;
  /** As `stat` tells it. */
  readonly mode: number;
}

export interface LeftOut {
  readonly path: string;
  readonly why: string;
}

export interface LocalFolder {
  readonly files: readonly LocalFile[];
  /** Folders with nothing in them, as paths. */
  readonly emptyFolders: readonly string[];
  readonly leftOut: readonly LeftOut[];
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

const WHY = {
  name: 'its name is not UTF-8',
  link: 'a link to a folder, to nothing, or out of the folder',
  special: 'no file: a pipe, a socket or a device',
  unreadable: 'it may not be read',
  gone: 'it was gone when it was its turn',
  part: 'a part of a download that was broken off',
} as const;

/** Nothing can be taken from there. */
export class NoSource extends Error {}

/** Looks through one folder. */
class Walk {
  readonly files: LocalFile[] = [];
  readonly emptyFolders: string[] = [];
  readonly leftOut: LeftOut[] = [];

  constructor(private readonly root: string) {}

  async folder(folder: string, path: string): Promise<void> {
    let names: readonly Buffer[];
    try {
      names = await readdir(folder, { encoding: 'buffer' });
    } catch (error) {
      return this.#leave(path, error);
    }
    if (names.length === 0 && path !== '') this.emptyFolders.push(path);
    for (const bytes of names) {
      const name = bytes.toString('utf8');
      const below = path === '' ? name : `${path}/${name}`;
      if (!Buffer.from(name).equals(bytes)) this.leftOut.push({ path: below, why: WHY.name });
      else await this.#entry(join(folder, name), below);
    }
  }

  async #entry(file: string, path: string): Promise<void> {
    try {
      const facts = await lstat(file);
      if (facts.isDirectory()) return await this.folder(file, path);
      if (facts.isSymbolicLink()) return await this.#link(file, path);
      if (!facts.isFile()) return this.#leave(path, WHY.special);
      if (isPart(path)) return this.#leave(path, WHY.part);
      this.files.push({ path, file, size: facts.size, mode: facts.mode });
    } catch (error) {
      this.#leave(path, error);
    }
  }

  /** One that leads to a file inside goes as that file: a bucket has no links. */
  async #link(file: string, path: string): Promise<void> {
    const target = await realpath(file).catch(() => undefined);
    const facts = target?.startsWith(this.root + sep) === true ? await stat(target) : undefined;
    if (!target || facts?.isFile() !== true) return this.#leave(path, WHY.link);
    this.files.push({ path, file: target, size: facts.size, mode: facts.mode });
  }

  #leave(path: string, why: unknown): void {
    this.leftOut.push({ path, why: typeof why === 'string' ? why : whyNot(why) });
  }
}

/** Why a file was left that could not be read. @throws unknown any other error */
export const whyNot = (error: unknown): string => {
  const code = codeOf(error);
  if (code === 'EACCES' || code === 'EPERM') return WHY.unreadable;
  if (code === 'ENOENT' || code === 'ENOTDIR') return WHY.gone;
  throw error;
};

/** Lists what of a folder, or which one file, goes into a bucket; by path. @throws Error it is not there @throws NoSource it is neither */
export const localFolder = async (place: string): Promise<LocalFolder> => {
  const root = await realpath(place);
  const facts = await stat(root);
  if (facts.isFile())
    return {
      files: [{ path: basename(place), file: root, size: facts.size, mode: facts.mode }],
      emptyFolders: [],
      leftOut: [],
    };
  if (!facts.isDirectory()) throw new NoSource(`${place} is no file and no folder, but a pipe, a socket or a device.`);
  const walk = new Walk(root);
  await walk.folder(root, '');
  return walk;
};
