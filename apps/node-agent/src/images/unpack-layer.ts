import { createHash, type Hash } from 'node:crypto';
import { closeSync, createReadStream, fchmodSync, openSync, writeFileSync } from 'node:fs';
import { link, mkdir, open, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline as together, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';

import { removeTree } from '@fornax/drivers';

import { codeOf } from '../files/job-files.js';
import { entriesOf, type TarEntry } from './tar-reader.js';
import { entryAt, folderIn, LayerRefused, nameIn, partsOf } from './tree-path.js';

/** What is left of what an image may be; counted down. */
export interface Allowance {
  bytes: number;
  files: number;
}

export interface LayerOptions {
  readonly signal: AbortSignal;
  readonly onMoved: () => void;
  readonly left: Allowance;
  /** Has room for so many more bytes. @throws Error there is none */
  readonly onGrow?: (bytes: number) => Promise<void> | undefined;
}

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
const BLOCK = 512;
/** What a disk gives at least to what has content: files of one byte, too, and folders. */
const DISK_BLOCK = 4_096;
/** Of files that are written in one step. */
const MOST_AT_ONCE_BYTES = 65_536;

/** All may read what its owner may, nobody but its owner may write, and nothing runs with another's rights. */
const rightsOf = (mode: number, isFolder: boolean): number => {
  const own = (mode & 0o700) | 0o400 | (isFolder ? 0o700 : 0);
  return own | ((own & 0o500) >> 3) | ((own & 0o500) >> 6);
};

/** What undoes the compression of a layer, by its media type. @throws LayerRefused */
const plainOf = (file: string, mediaType: string): Readable => {
  const source = (): Readable => createReadStream(file, { highWaterMark: 262_144 });
  // What became of either is told by who reads.
  const through = (transform: zlib.Gunzip): Readable => together(source(), transform, () => undefined);
  if (/\.tar$|tar\.uncompressed$/.test(mediaType)) return source();
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
    private readonly onGrow: (bytes: number) => Promise<void> | undefined,
  ) {}

  /** @throws LayerRefused, what `onGrow` throws, and what the disk says */
  async place(entry: TarEntry): Promise<void> {
    const { name, type, mode, linkname, size } = entry;
    const parts = this.#safe(name);
    const base = parts.pop();
    // Every entry costs something, so that a layer of nothing but names ends, too.
    await this.#spend(BLOCK + (type === 'file' ? Math.ceil(size / DISK_BLOCK) * DISK_BLOCK : 0));
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
    } else await this.#write(path, rightsOf(mode, false), entry);
    this.#own.add(path);
  }

  #spend(bytes: number): Promise<void> | undefined {
    this.left.bytes -= bytes;
    this.left.files -= 1;
    // Not `<`, which what is no number passes.
    if (!(this.left.bytes >= 0)) throw new LayerRefused('it is larger than this node keeps of images');
    if (!(this.left.files >= 0)) throw new LayerRefused('it has more files than this node keeps of an image');
    return this.onGrow(bytes);
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
    const made = async (): Promise<void> => this.#spend(BLOCK + DISK_BLOCK);
    const found = (await folderIn(this.root, path, made)) ?? this.root;
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
    await removeTree(path);
    this.#folders = new Map();
  }

  async #makeFolder(path: string, mode: number): Promise<void> {
    const facts = await entryAt(path);
    if (facts?.isDirectory() !== true) {
      if (facts) await this.#remove(path);
      await this.#spend(DISK_BLOCK);
      await mkdir(path);
    }
    const handle = await open(path, 'r');
    await handle.chmod(rightsOf(mode, true)).finally(() => handle.close());
  }

  async #write(path: string, mode: number, { size, content }: TarEntry): Promise<void> {
    if (size > MOST_AT_ONCE_BYTES) return this.#makeRoom(path, () => writeTo(path, mode, content));
    const parts: Buffer[] = [];
    for await (const part of content) parts.push(part);
    return this.#makeRoom(path, () => writeAtOnce(path, mode, Buffer.concat(parts)));
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
  const file = openSync(path, 'wx', mode);
  try {
    fchmodSync(file, mode);
    writeFileSync(file, content);
  } finally {
    closeSync(file);
  }
};

const writeTo = async (path: string, mode: number, content: AsyncIterable<Buffer>): Promise<void> => {
  const handle = await open(path, 'wx', mode);
  try {
    await handle.chmod(mode);
    await pipeline(content, handle.createWriteStream());
  } finally {
    await handle.close().catch(() => undefined);
  }
};

/** What a layer is without its compression, as it goes by. @throws LayerRefused it is without an end */
async function* watched(plain: Readable, { left, onMoved, signal }: LayerOptions, hash: Hash): AsyncGenerator<Buffer> {
  // What compresses well may be without an end.
  let mostBytes = left.bytes + left.files * BLOCK * 4;
  for await (const chunk of plain as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    if (!((mostBytes -= chunk.length) >= 0)) throw new LayerRefused('it is larger than this node keeps of images');
    hash.update(chunk);
    onMoved();
    yield chunk;
  }
}

/**
 * Unpacks a layer over what lies in a folder.
 * @returns the digest of what it is without its compression
 * @throws LayerRefused, what the disk says, what `onGrow` throws, the signal's reason
 */
export const unpackLayer = async (
  file: string,
  mediaType: string,
  root: string,
  options: LayerOptions,
): Promise<string> => {
  const { signal, left, onGrow = () => undefined } = options;
  signal.throwIfAborted();
  const over = new LayerOver(root, left, onGrow);
  const hash = createHash('sha256');
  const plain = plainOf(file, mediaType);
  // Whoever reads may be waiting for more.
  const end = (): void => void plain.destroy();
  signal.addEventListener('abort', end, { once: true });
  try {
    for await (const entry of entriesOf(watched(plain, options, hash))) {
      signal.throwIfAborted();
      await over.place(entry);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw isOfImage(error) ? new LayerRefused(`a layer of it cannot be read: ${codeOf(error)}`) : error;
  } finally {
    signal.removeEventListener('abort', end);
    plain.destroy();
  }
  return `sha256:${hash.digest('hex')}`;
};

/** What a tree says of names and links that cannot be, and what undoes compression says of what is none. */
const OF_IMAGE: ReadonlySet<string> = new Set([
  'ENAMETOOLONG',
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'EINVAL',
  'EEXIST',
  'ELOOP',
  'EMLINK',
  'EILSEQ',
  'ERR_INVALID_ARG_VALUE',
  'ERR_STREAM_PREMATURE_CLOSE',
]);
const isOfImage = (error: unknown): boolean => {
  const code = codeOf(error);
  return OF_IMAGE.has(code) || /^(Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB)/.test(code);
};
