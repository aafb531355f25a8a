import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, createReadStream, fchmodSync, openSync, writeFileSync } from 'node:fs';
import { link, mkdir, open, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';

import { extract, type Entry } from 'tar-stream';

import { codeOf } from '../files/job-files.js';
import { entryAt, folderIn, LayerRefused, partsOf } from './tree-path.js';

/** What is left of what an image may be; counted down. */
export interface Allowance {
  bytes: number;
  files: number;
}

export interface LayerOptions {
  readonly signal: AbortSignal;
  readonly onMoved: () => void;
  readonly left: Allowance;
}

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
const BLOCK = 512;
/** Of files that are written in one step. */
const MOST_AT_ONCE_BYTES = 65_536;
/** Nothing that leads out of the files of an image is made; what runs in it has devices of its own. */
const NEVER: ReadonlySet<string> = new Set(['character-device', 'block-device', 'fifo']);

/** All may read what its owner may, nobody but its owner may write, and nothing runs with another's rights. */
const rightsOf = (mode: number, isFolder: boolean): number => {
  const own = (mode & 0o700) | 0o400 | (isFolder ? 0o700 : 0);
  return own | ((own & 0o500) >> 3) | ((own & 0o500) >> 6);
};

/** What undoes the compression of a layer, by its media type. @throws LayerRefused */
const plainOf = (file: string, mediaType: string): Readable => {
  const source = createReadStream(file, { highWaterMark: 262_144 });
  const through = (transform: zlib.Gunzip): Readable => {
    source.once('error', (error) => transform.destroy(error));
    return source.pipe(transform);
  };
  if (/\.tar$|tar\.uncompressed$/.test(mediaType)) return source;
  if (/[.+]gzip$/.test(mediaType)) return through(zlib.createGunzip());
  if (/[.+]zstd$/.test(mediaType) && 'createZstdDecompress' in zlib) return through(zlib.createZstdDecompress());
  throw new LayerRefused(`a layer is of the kind ${mediaType.slice(0, 100)}, which this node does not unpack`);
};

/** Puts one layer over what earlier ones left in a folder. Nothing else may change it meanwhile. */
class LayerOver {
  /** What this layer brought itself, which what it hides of others does not hide. */
  readonly #own = new Set<string>();
  /** Folders that were looked for, and where they are; forgotten whenever something goes or a link comes. */
  #folders = new Map<string, string>();

  constructor(
    private readonly root: string,
    private readonly left: Allowance,
  ) {}

  /** @throws LayerRefused, and what the disk says */
  async place(entry: Entry): Promise<void> {
    const { name, mode = 0o644, linkname, size = 0 } = entry.header;
    const type = entry.header.type ?? 'file';
    const parts = this.#safe(name);
    const base = parts.pop();
    // Every entry costs something, so that a layer of nothing but names ends, too.
    this.#spend(size + BLOCK);
    if (base === undefined || NEVER.has(type)) return;
    const folder = await this.#folder(parts.join('/'));
    if (base.startsWith(WHITEOUT)) return this.#hide(folder, base);
    const path = join(folder, base);
    if (type === 'directory') await this.#makeFolder(path, mode);
    else if (type === 'symlink') await this.#makeRoom(path, () => symlink(linkname ?? '', path));
    else if (type === 'link') {
      const target = await this.#linked(linkname ?? '');
      if (target !== path) await this.#makeRoom(path, () => link(target, path));
    } else if (type === 'file' || type === 'contiguous-file') await this.#write(path, rightsOf(mode, false), entry);
    else throw new LayerRefused(`${name.slice(0, 200)} is of a kind that is not unpacked: ${type}`);
    this.#own.add(path);
  }

  #spend(bytes: number): void {
    this.left.bytes -= bytes;
    this.left.files -= 1;
    if (this.left.bytes < 0) throw new LayerRefused('it is larger than this node keeps of images');
    if (this.left.files < 0) throw new LayerRefused('it has more files than this node keeps of an image');
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
    const found = (await folderIn(this.root, path, true)) ?? this.root;
    this.#folders.set(path, found);
    return found;
  }

  /** What earlier layers have there goes, and what this one has stays. */
  async #hide(folder: string, base: string): Promise<void> {
    const name = base.slice(WHITEOUT.length);
    if (base === OPAQUE) {
      const there = await readdir(folder);
      for (const each of there) if (!this.#own.has(join(folder, each))) await this.#remove(join(folder, each));
      return;
    }
    // Others that begin so are notes of a file system to itself.
    if (name.startsWith(WHITEOUT)) return;
    if (name === '' || name === '.' || name === '..') throw new LayerRefused('it hides what has no name');
    await this.#remove(join(folder, name));
  }

  async #remove(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true });
    this.#folders = new Map();
  }

  async #makeFolder(path: string, mode: number): Promise<void> {
    const facts = await entryAt(path);
    if (facts?.isDirectory() !== true) {
      if (facts) await this.#remove(path);
      await mkdir(path);
    }
    const handle = await open(path, 'r');
    await handle.chmod(rightsOf(mode, true)).finally(() => handle.close());
  }

  async #write(path: string, mode: number, entry: Entry): Promise<void> {
    if ((entry.header.size ?? 0) > MOST_AT_ONCE_BYTES) return this.#makeRoom(path, () => writeTo(path, mode, entry));
    const content = await buffer(entry);
    return this.#makeRoom(path, () => writeAtOnce(path, mode, content));
  }

  async #makeRoom(path: string, make: () => Promise<void> | void): Promise<void> {
    try {
      await make();
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      await this.#remove(path);
      await make();
    }
    this.#folders.delete(path);
  }

  /** What a hard link means, in this tree and nowhere else. */
  async #linked(name: string): Promise<string> {
    const parts = this.#safe(name);
    const base = parts.pop() ?? '';
    const folder = await folderIn(this.root, parts.join('/'), false);
    const target = folder === undefined ? '' : join(folder, base);
    const facts = folder === undefined ? undefined : await entryAt(target);
    if (facts?.isFile() !== true && facts?.isSymbolicLink() !== true)
      throw new LayerRefused(`it links to ${JSON.stringify(name.slice(0, 200))}, which is no file of it`);
    return target;
  }
}

/** What is in memory already goes to the kernel's memory: not worth six turns through the thread pool, which images of many small files consist of else. */
const writeAtOnce = (path: string, mode: number, content: Buffer): void => {
  const file = openSync(path, 'wx', mode);
  try {
    fchmodSync(file, mode);
    writeFileSync(file, content);
  } finally {
    closeSync(file);
  }
};

const writeTo = async (path: string, mode: number, entry: Readable): Promise<void> => {
  const handle = await open(path, 'wx', mode);
  try {
    await handle.chmod(mode);
    await pipeline(entry, handle.createWriteStream());
  } finally {
    await handle.close().catch(() => undefined);
  }
};

/**
 * Unpacks a layer over what lies in a folder.
 * @returns the digest of what it is without its compression
 * @throws LayerRefused, what the disk says, the signal's reason
 */
export const unpackLayer = async (
  file: string,
  mediaType: string,
  root: string,
  { signal, onMoved, left }: LayerOptions,
): Promise<string> => {
  const over = new LayerOver(root, left);
  const entries = extract();
  const hash = createHash('sha256');
  const plain = plainOf(file, mediaType);
  const ending = new AbortController();
  const feed = async (): Promise<void> => {
    // What compresses well may be without an end.
    let mostBytes = left.bytes + left.files * BLOCK * 4;
    for await (const chunk of plain as AsyncIterable<Buffer>) {
      signal.throwIfAborted();
      if ((mostBytes -= chunk.length) < 0) throw new LayerRefused('it is larger than this node keeps of images');
      hash.update(chunk);
      onMoved();
      if (!entries.write(chunk)) await once(entries, 'drain', { signal: ending.signal });
    }
    entries.end();
  };
  const feeding = feed().catch((error: unknown) => {
    const reason = error instanceof Error ? error : new Error(String(error));
    entries.destroy(reason);
    throw reason;
  });
  feeding.catch(() => undefined);
  try {
    for await (const entry of entries) {
      await over.place(entry);
      entry.resume();
    }
    await feeding;
  } catch (error) {
    // What went wrong in there is told here, too, in other words.
    throw await told(error, feeding, ending);
  } finally {
    ending.abort();
    plain.destroy();
  }
  return `sha256:${hash.digest('hex')}`;
};

/** What came first: what the layer is, or what became of reading it. */
const told = async (error: unknown, feeding: Promise<void>, ending: AbortController): Promise<unknown> => {
  ending.abort();
  if (error instanceof LayerRefused || isOfSystem(error)) return error;
  const other: unknown = await feeding.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const first = other === undefined || codeOf(other) === 'ABORT_ERR' ? error : other;
  const isOfFormat = !isOfSystem(first) && FORMAT.test(`${codeOf(first) ?? ''} ${String(first)}`);
  return isOfFormat ? new LayerRefused('a layer of it cannot be read') : first;
};

/** What parsers of archives and of compressed data say. */
const FORMAT = /tar|header|end of data|Z_|zlib|zstd|incorrect|invalid|unexpected end/i;

/** A disk that is full, say. */
const isOfSystem = (error: unknown): boolean => typeof error === 'object' && error !== null && 'syscall' in error;
