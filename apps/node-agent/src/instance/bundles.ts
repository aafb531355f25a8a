import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { eachLimited } from '@fornax/base';
import { encodeBundle, FILE_BUNDLE_QUERY } from '@fornax/contracts';
import { childText, readXml, type S3Client, S3Error, writesOver } from '@fornax/s3';
import { type JobFile, below, isFolder, openBelow, openRegular } from '../files/job-files.js';
import { namesOf } from '../files/file-names.js';
import type { MayRead } from '../files/rights.js';
import type { UploadTarget } from './results.js';
import { modeMetadata, NO_BYTES_SHA256 } from './store-file.js';

const MOST_FILES = 128;
const MOST_BYTES = 2 * 1_048_576;
/** From here on the bytes cost more than the request. */
const MOST_FILE_BYTES = 65_536;
const PARALLEL_READS = 8;

/** Groups of small files that are sent together; files that are too large for that are none's. */
export const bundlesOf = (files: readonly JobFile[]): readonly (readonly JobFile[])[] => {
  const bundles: JobFile[][] = [];
  let [last, bytes]: [JobFile[], number] = [[], 0];
  for (const file of files.filter(({ sizeBytes }) => sizeBytes <= MOST_FILE_BYTES)) {
    if (last.length === 0 || last.length === MOST_FILES || bytes + file.sizeBytes > MOST_BYTES) {
      bundles.push((last = []));
      bytes = 0;
    }
    last.push(file);
    bytes += file.sizeBytes;
  }
  return bundles;
};

/** A file in memory. */
export interface ReadFile {
  readonly file: JobFile;
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** All bytes of a file that has as many as it had when it was listed; undefined where it has others. */
const readWhole = async (handle: FileHandle, sizeBytes: number): Promise<Buffer | undefined> => {
  const buffer = Buffer.allocUnsafe(sizeBytes + 1);
  const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, 0);
  return bytesRead === sizeBytes ? buffer.subarray(0, sizeBytes) : undefined;
};

/** How files are read. */
interface Reading {
  readonly signal: AbortSignal;
  readonly mayRead?: MayRead | undefined;
  /** Whether programs may write to them meanwhile. */
  readonly isLive: boolean;
}

/** A file that was the same twice in a row, and that the instance could read: one that changes while it is read is not stored torn. */
const readTwice = async (
  handle: FileHandle,
  file: JobFile,
  { signal, mayRead, isLive }: Reading,
): Promise<ReadFile | undefined> => {
  if (mayRead && !mayRead(await handle.stat())) return undefined;
  const bytes = await readWhole(handle, file.sizeBytes);
  // What was half written the first time is whole, and so another, the second time.
  if (bytes && isLive) await writesOver(handle, signal);
  if (!bytes || (await readWhole(handle, file.sizeBytes))?.equals(bytes) !== true) return undefined;
  return { file, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
};

const readIn = async (
  folder: FileHandle,
  name: Buffer,
  file: JobFile,
  reading: Reading,
): Promise<ReadFile | undefined> => {
  const handle = await openRegular(below(folder, name)).catch(() => undefined);
  if (!handle) return undefined;
  return readTwice(handle, file, reading)
    .catch(() => undefined)
    .finally(() => handle.close());
};

/** Reads files into memory; whatever is odd about one, it is not among them: it is stored alone then, and said what is wrong. */
const readAll = async (jobDir: string, files: readonly JobFile[], reading: Reading): Promise<readonly ReadFile[]> => {
  const read: ReadFile[] = files
    .filter(isFolder)
    .map((file) => ({ file, bytes: Buffer.alloc(0), sha256: NO_BYTES_SHA256 }));
  const placed = files
    .filter((file) => !isFolder(file))
    .map((file) => ({ file, names: namesOf(file.place ?? Buffer.from(file.path)) }));
  const folders = Map.groupBy(placed, ({ names }) =>
    Buffer.concat(names.slice(0, -1).flatMap((name) => [Buffer.from('/'), name])).toString('latin1'),
  );
  for (const inside of folders.values()) {
    const folder = await openBelow(jobDir, inside[0]?.names.slice(0, -1) ?? []).catch(() => undefined);
    if (!folder) continue;
    try {
      await eachLimited(inside, PARALLEL_READS, async ({ file, names }) => {
        const one = await readIn(folder, names.at(-1) ?? Buffer.alloc(0), file, reading);
        if (one) read.push(one);
      });
    } finally {
      await folder.close();
    }
  }
  return read;
};

const storedIn = (answer: string): number => {
  const document = readXml(answer);
  return document?.root === 'StoreFilesResult' ? Number(childText(document.content, 'Count')) : 0;
};

export interface BundleOptions extends Reading {
  /** Sends until the storage takes it, or says no for good. */
  readonly patiently: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * Stores small files in one request, as far as that can be done.
 * @returns those that are stored; the others are to be stored one by one, which also tells what is wrong with them
 * @throws Error the storage fails
 */
export const storeTogether = async (
  s3: S3Client,
  jobDir: string,
  files: readonly JobFile[],
  { bucket, prefix }: UploadTarget,
  { patiently, ...reading }: BundleOptions,
): Promise<readonly ReadFile[]> => {
  const read = await readAll(jobDir, files, reading);
  if (read.length < 2) return [];
  const body = encodeBundle(
    read.map(({ file, bytes }) => ({
      key: (prefix ?? '') + file.path,
      mode: modeMetadata(file),
      bytes,
    })),
  );
  try {
    const answer = await patiently(() => s3.post(bucket, FILE_BUNDLE_QUERY, body, { signal: reading.signal }));
    // Whoever takes no notice of what was asked for may answer 200 as well.
    return storedIn(answer) === read.length ? read : [];
  } catch (error) {
    // A "no" is about one of them, or all, or a storage of an earlier version knows no such request.
    if (error instanceof S3Error) return [];
    throw error;
  }
};
