import { copyFile, link, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { createReadStream, open as openDescriptor } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ContentHash } from '../bytes/content-hash.js';
import { BlockSums } from './block-sums.js';
import { ComparedFile } from './compared-file.js';
import { FileDamaged } from './file-damaged.js';
import { FileWriter } from './file-writer.js';
import { FolderFlush } from './folder-flush.js';
import { type ByteRange, type ByteSource, StoreRefusal } from '../port/object-store.js';
import { type Manifest, encodeManifest, readManifest } from './manifest.js';

/** A file on disk with its place in the object's bytes. */
export interface FilePiece {
  readonly fileId: string;
  readonly sizeBytes: number;
}

export interface StoredFile extends FilePiece {
  readonly md5: string;
}

/** Codes of a file system (or a quota, or a limit of the process) that has no room for what was written. */
const NO_ROOM = ['ENOSPC', 'EDQUOT', 'EFBIG'];
const hasCode = (error: unknown, codes: readonly string[]): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && codes.includes(String(error.code));
const emptyWhenMissing = (error: unknown): string[] => {
  if (isMissing(error)) return [];
  throw error;
};
const missing = (cause: unknown): FileDamaged => new FileDamaged('a file of it is missing', { cause });

const asRefusal = (error: unknown): unknown =>
  hasCode(error, NO_ROOM)
    ? new StoreRefusal('InsufficientStorage', 'the disk of the object store is full; nothing was stored', {
        cause: error,
      })
    : error;

/** One file on disk, as a walk through all of them finds it. */
export interface FoundFile {
  readonly fileId: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  /** Of the object that the file stands for, if it holds one. */
  readonly manifest: Manifest | undefined;
}

/** Where files go that belong to no object that can be told. */
const SET_ASIDE = 'set-aside';
const FILE_NAME = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const WALK_BATCH = 1_000;
const WALK_PARALLEL = 16;

const FOLDERS = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, '0'));
const READ_CHUNK_BYTES = 256 * 1024;

const descriptorOf = promisify(openDescriptor);

const isMissing = (error: unknown): boolean => hasCode(error, ['ENOENT']);

/** The pieces that hold a range, each with the range inside it. */
export const piecesOf = (
  pieces: readonly FilePiece[],
  range: ByteRange,
): readonly (FilePiece & { readonly range: ByteRange })[] => {
  const found: (FilePiece & { readonly range: ByteRange })[] = [];
  let offset = 0;
  for (const { fileId, sizeBytes } of pieces) {
    const start = Math.max(range.start - offset, 0);
    const end = Math.min(range.end - offset, sizeBytes - 1);
    if (start <= end) found.push({ fileId, sizeBytes, range: { start, end } });
    offset += sizeBytes;
  }
  return found;
};

/**
 * Payloads on disk: one file each, with the checksums of its blocks behind it, named by a random id, in 256 folders. A file means nothing until a row of the index names it, so it needs no
 * temporary name: one that never got a row is an orphan, and `sweep` removes it. A file is never changed once written. Behind the payload may
 * stand the object's manifest; an object of several files has one in a file of its own.
 */
export class ObjectFiles {
  readonly #folders: FolderFlush;

  constructor(
    private readonly root: string,
    /** false only where the data may be lost, as in tests: nothing is flushed. */
    private readonly isDurable: boolean,
  ) {
    this.#folders = new FolderFlush((folder) => join(root, folder), isDurable);
  }

  /** Makes the folders that are missing. */
  async makeFolders(): Promise<void> {
    for (const name of FOLDERS) await mkdir(join(this.root, name), { recursive: true, mode: 0o700 });
  }

  #path(fileId: string): string {
    return join(this.root, fileId.slice(0, 2), fileId);
  }

  /**
   * Stores what a source yields, all of it or nothing.
   * @param manifestOf the manifest to put behind it, made when all of it is known
   * @throws StoreRefusal IncompleteBody (the source has another size than announced), InsufficientStorage (the disk is full)
   */
  async write(source: ByteSource, sizeBytes: number, manifestOf?: (file: StoredFile) => Manifest): Promise<StoredFile> {
    const fileId = this.#folders.newFileId();
    const path = this.#path(fileId);
    const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
      throw asRefusal(error);
    });
    const writer = new FileWriter(file);
    const hash = new ContentHash('md5');
    try {
      const sums = new BlockSums();
      let written = 0;
      for await (const chunk of source) {
        written += chunk.byteLength;
        if (written > sizeBytes) break;
        await hash.update(chunk);
        sums.update(chunk);
        await writer.write(chunk);
      }
      if (written !== sizeBytes)
        throw new StoreRefusal('IncompleteBody', `${sizeBytes} bytes were announced and other bytes came`);
      const stored = { fileId, sizeBytes, md5: (await hash.digest()).toString('hex') };
      await writer.write(sums.table());
      if (manifestOf) await writer.write(encodeManifest(manifestOf(stored)));
      await writer.end();
      if (this.isDurable) await Promise.all([file.datasync(), this.#folders.flush(fileId)]);
      await file.close();
      return stored;
    } catch (error) {
      hash.abandon();
      await writer.stop();
      await file.close().catch(() => undefined); // it may be closed already
      await this.remove([fileId]);
      throw asRefusal(error);
    }
  }

  /** Stores a manifest in a file of its own. @returns its file */
  async writeManifest(manifestOf: (fileId: string) => Manifest): Promise<string> {
    const nothing = async function* (): AsyncGenerator<Uint8Array> {};
    return (await this.write(nothing(), 0, ({ fileId }) => manifestOf(fileId))).fileId;
  }

  /** Another name for the same bytes, without copying them where the file system can. */
  async duplicate(fileId: string): Promise<string> {
    const copy = this.#folders.newFileId();
    try {
      await link(this.#path(fileId), this.#path(copy));
    } catch (error) {
      if (isMissing(error)) throw missing(error);
      await this.#copyFile(fileId, copy);
    }
    await this.#folders.flush(copy);
    return copy;
  }

  async #copyFile(fileId: string, copy: string): Promise<void> {
    try {
      await copyFile(this.#path(fileId), this.#path(copy));
    } catch (error) {
      await this.remove([copy]);
      throw asRefusal(error);
    }
  }

  /** Whether the file is there, whatever it holds. */
  async has(fileId: string): Promise<boolean> {
    return stat(this.#path(fileId)).then(
      () => true,
      (error: unknown) => {
        if (isMissing(error)) return false;
        throw error;
      },
    );
  }

  /** Looks whether the files are there and as long as they should be. @throws FileDamaged */
  async check(pieces: readonly FilePiece[]): Promise<void> {
    await this.statesOf(pieces);
  }

  /** What tells a file from itself after somebody has written to it or put another one in its place. @throws FileDamaged */
  async statesOf(pieces: readonly FilePiece[]): Promise<readonly string[]> {
    const states: string[] = [];
    for (const { fileId, sizeBytes } of pieces) {
      const facts = await stat(this.#path(fileId)).catch((cause: unknown) => {
        throw isMissing(cause) ? missing(cause) : cause;
      });
      if (facts.size < sizeBytes)
        throw new FileDamaged(`a file of it has ${facts.size} bytes where ${sizeBytes} were stored`);
      states.push(`${fileId}:${facts.ino}:${facts.size}:${facts.mtimeMs}`);
    }
    return states;
  }

  /** @throws FileDamaged as soon as a file ends too early or is gone */
  async *read(pieces: readonly FilePiece[], range: ByteRange): AsyncGenerator<Uint8Array> {
    for (const piece of piecesOf(pieces, range)) {
      const stream = createReadStream(this.#path(piece.fileId), { ...piece.range, highWaterMark: READ_CHUNK_BYTES });
      let left = piece.range.end - piece.range.start + 1;
      try {
        for await (const chunk of stream) {
          if (!(chunk instanceof Uint8Array)) continue;
          left -= chunk.byteLength;
          yield chunk;
        }
      } catch (error) {
        throw isMissing(error) ? missing(error) : error;
      }
      if (left > 0) throw new FileDamaged(`a file of it ended ${left} bytes too early`);
    }
  }

  /** Opens a file to read from it what is compared with the checksums of its blocks. @throws FileDamaged it is gone, or too short */
  async open({ fileId, sizeBytes }: FilePiece): Promise<ComparedFile> {
    const file = await descriptorOf(this.#path(fileId), 'r').catch((error: unknown) => {
      throw isMissing(error) ? missing(error) : error;
    });
    return ComparedFile.of(file, sizeBytes);
  }

  /** Missing files are no error. */
  async remove(fileIds: readonly string[]): Promise<void> {
    for (const fileId of fileIds) {
      await unlink(this.#path(fileId)).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
    }
  }

  /** Files last written before `olderThan`, folder by folder. */
  async *filesBefore(olderThan: Date): AsyncGenerator<readonly string[]> {
    for (const folder of FOLDERS) {
      const old: string[] = [];
      for (const name of await readdir(join(this.root, folder)).catch(emptyWhenMissing)) {
        if (!FILE_NAME.test(name)) continue;
        const facts = await stat(join(this.root, folder, name)).catch(() => undefined); // removed meanwhile
        if (facts && facts.mtime < olderThan) old.push(name);
      }
      if (old.length > 0) yield old;
    }
  }

  /** All files, folder by folder (0 to 255), each with what it says of itself; every folder comes at least once. */
  async *walk(): AsyncGenerator<{ readonly folder: number; readonly batch: readonly FoundFile[] }> {
    for (const [folder, name] of FOLDERS.entries()) {
      const names = (await readdir(join(this.root, name)).catch(emptyWhenMissing)).filter((file) =>
        FILE_NAME.test(file),
      );
      for (let at = 0; at === 0 || at < names.length; at += WALK_BATCH) {
        const batch: FoundFile[] = [];
        for (let from = at; from < Math.min(at + WALK_BATCH, names.length); from += WALK_PARALLEL) {
          const some = names.slice(from, Math.min(from + WALK_PARALLEL, at + WALK_BATCH));
          batch.push(...(await Promise.all(some.map((fileId) => this.#find(fileId)))).flat());
        }
        yield { folder, batch };
      }
    }
  }

  /** None when it was removed meanwhile, or cannot be read: it is missing then. */
  async #find(fileId: string): Promise<readonly FoundFile[]> {
    const file = await open(this.#path(fileId), 'r').catch(() => undefined);
    if (!file) return [];
    try {
      const { size, mtime } = await file.stat();
      const readTail = async (bytes: number): Promise<Buffer> => {
        const length = Math.min(bytes, size);
        const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
        return buffer.subarray(0, bytesRead);
      };
      return [{ fileId, sizeBytes: size, modifiedAt: mtime, manifest: await readManifest(fileId, readTail) }];
    } catch {
      return [];
    } finally {
      await file.close();
    }
  }

  /** Takes files out of the way without deleting them. Missing ones are no error. @returns the folder that they are in now */
  async setAside(fileIds: readonly string[]): Promise<string> {
    const folder = join(this.root, SET_ASIDE);
    if (fileIds.length > 0) await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const fileId of fileIds)
      await rename(this.#path(fileId), join(folder, fileId)).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
    return folder;
  }
}
