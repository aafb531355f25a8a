import { open } from 'node:fs/promises';
import { FileChanged, MODE_HEADER, modeText, S3Error, type S3Client, type S3Object } from '@fornax/s3';
import { hasEtag } from './file-sums.js';
import { type LocalFile, whyNot } from './local-folder.js';
import type { About } from './transfer-all.js';

const EXECUTABLE = 0o111;
const RIGHTS = 0o777;

export interface Target {
  readonly bucket: string;
  readonly key: string;
  /** What is there, as a listing of the bucket told. */
  readonly there: S3Object | undefined;
}

/** `stored` and `there` are fine; else why the file is not stored. */
export type Sent = 'stored' | 'there' | { readonly why: string };

/** An object that says no mode, as most clients store it, is that of a file that cannot be executed. */
const isSameMode = (mode: number, told: number | undefined): boolean =>
  told === undefined ? (mode & EXECUTABLE) === 0 : (mode & RIGHTS) === told;

/** Whether the object is that file already, mode and all. */
export const isThere = async (
  s3: S3Client,
  { file, size, mode }: LocalFile,
  { bucket, key, there }: Target,
  { signal }: About,
): Promise<boolean> => {
  if (there?.sizeBytes !== size || (await hasEtag(file, there.etag)) !== true) return false;
  const now = await s3.headObject(bucket, key, { signal });
  return now?.etag === there.etag && isSameMode(mode, now.mode);
};

/** What storage says no to for the sake of one file: the others may be stored. */
const OF_ONE: ReadonlySet<string> = new Set(['KeyTooLongError', 'EntityTooLarge', 'InvalidArgument', 'InvalidURI']);

const whyNotStored = (error: unknown): string => {
  if (error instanceof FileChanged) return 'it changed while it was read';
  if (!(error instanceof S3Error)) return whyNot(error);
  if (!OF_ONE.has(error.code)) throw error;
  return error.code === 'KeyTooLongError' ? 'its key would be longer than 1,024 bytes' : error.message;
};

/** Stores a file with its mode, unless the object is that file already. @throws S3Error the storage takes no files */
export const uploadFile = async (s3: S3Client, local: LocalFile, target: Target, about: About): Promise<Sent> => {
  const { signal, onBytes } = about;
  try {
    if (await isThere(s3, local, target, about)) {
      onBytes(local.size);
      return 'there';
    }
    const handle = await open(local.file);
    try {
      const headers = { [MODE_HEADER]: modeText(local.mode) };
      await s3.upload(target.bucket, target.key, handle, { signal, headers, onBytes });
    } finally {
      await handle.close();
    }
    return 'stored';
  } catch (error) {
    signal.throwIfAborted();
    return { why: whyNotStored(error) };
  }
};
