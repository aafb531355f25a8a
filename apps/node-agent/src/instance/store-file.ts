import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { backoffMs, delay } from '@fornax/base';
import { FileChanged, folderModeText, MODE_HEADER, modeText, type S3Client } from '@fornax/s3';
import { type JobFile, isFolder, openFile } from '../files/job-files.js';
import { notNow, UNREADABLE } from '../files/list-files.js';
import type { MayRead } from '../files/rights.js';
import type { ResultsRoom } from './results-room.js';
import type { UploadTarget } from './results.js';

/** How often a file is read that others write to. Whoever writes all the time gets what has no end: it is told, not stored. */
const MOST_READINGS = 4;
const PAUSES = { firstMs: 100, longestMs: 1_000 } as const;

const GONE = 'files that went, or became something else, before they were stored';
const CHANGING = 'files that changed each time that they were read';

/** What a file of a job came to. */
export type Stored =
  | { readonly bytes: number; readonly sha256: string; readonly file: JobFile }
  /** A plural, as of `LeftOut`. */
  | { readonly why: string };

export interface StoreOptions {
  readonly signal: AbortSignal;
  /** Sends until the storage takes it, or says no for good. */
  readonly patiently: <T>(work: () => Promise<T>) => Promise<T>;
  readonly room: ResultsRoom;
  readonly mayRead: MayRead | undefined;
  /** Whether programs may write to it meanwhile (see the S3 client). */
  readonly isLive: boolean;
}

/** Opens a file of a listing, which may be another one by now. */
const openAgain = async (
  jobDir: string,
  file: JobFile,
  mayRead: MayRead | undefined,
): Promise<{ readonly handle: FileHandle; readonly now: JobFile } | { readonly why: string }> => {
  const handle = await openFile(jobDir, file).catch((error: unknown) => {
    const why = notNow(error);
    if (why === undefined) throw error;
    return { why };
  });
  if (!handle) return { why: GONE };
  if ('why' in handle) return handle;
  const stat = await handle.stat();
  if (!mayRead || mayRead(stat)) return { handle, now: { ...file, sizeBytes: stat.size, mode: stat.mode } };
  await handle.close();
  return { why: UNREADABLE };
};

/** As the content of a folder is hashed. */
export const NO_BYTES_SHA256 = createHash('sha256').digest('hex');

/** As the metadata of its object says it. */
export const modeMetadata = (file: JobFile): string =>
  isFolder(file) ? folderModeText(file.mode) : modeText(file.mode);

/** Stores an empty folder, as an object without bytes. @throws S3Error */
const storeFolder = async (
  s3: S3Client,
  folder: JobFile,
  { bucket, prefix }: UploadTarget,
  { signal, patiently }: Pick<StoreOptions, 'signal' | 'patiently'>,
): Promise<Stored> => {
  const options = { signal, headers: { [MODE_HEADER]: modeMetadata(folder) } };
  await patiently(() => s3.putObject(bucket, (prefix ?? '') + folder.path, Buffer.alloc(0), options));
  return { bytes: 0, sha256: NO_BYTES_SHA256, file: folder };
};

/**
 * Stores a file of a job as it is at one moment: one that others write to meanwhile is read anew, some times.
 * @throws UserError it holds more by now than there is room for @throws S3Error
 */
export const storeFile = async (
  s3: S3Client,
  jobDir: string,
  file: JobFile,
  { bucket, prefix }: UploadTarget,
  { signal, patiently, room, mayRead, isLive }: StoreOptions,
): Promise<Stored> => {
  if (isFolder(file)) return storeFolder(s3, file, { bucket, prefix }, { signal, patiently });
  for (let readings = 1; ; readings += 1) {
    const opened = await openAgain(jobDir, file, mayRead);
    if ('why' in opened) {
      room.resize(file, 0);
      return opened;
    }
    const { handle, now } = opened;
    try {
      room.resize(file, now.sizeBytes);
      let sha256 = '';
      const options = {
        signal,
        sizeBytes: now.sizeBytes,
        isLive,
        headers: { [MODE_HEADER]: modeMetadata(now) },
        onHash: (hash: string) => void (sha256 = hash),
      };
      const bytes = await patiently(() => s3.upload(bucket, (prefix ?? '') + file.path, handle, options));
      return { bytes, sha256, file: now };
    } catch (error) {
      if (!(error instanceof FileChanged)) throw error;
    } finally {
      await handle.close();
    }
    if (readings === MOST_READINGS) {
      room.resize(file, 0);
      return { why: CHANGING };
    }
    await delay(backoffMs(readings, PAUSES), signal);
    signal.throwIfAborted();
  }
};
