import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { S3Error } from '../protocol/s3-error.js';
import { readRange } from './read-range.js';

/** A file had other bytes when it was sent, or when it was read once more, than when it was hashed. Nothing of it is stored; it may be when it is read anew. */
export class FileChanged extends Error {
  constructor(message = 'the file changed while it was sent', options?: ErrorOptions) {
    super(message, options);
    this.name = 'FileChanged';
  }
}

/** What storages say of a body that has another digest than the signature names. */
const OTHER_BYTES: ReadonlySet<string> = new Set(['XAmzContentSHA256Mismatch', 'BadDigest']);

/** The storage's "no" to other bytes as what it means for a file; any other error as it is. */
export const asFileChanged = (error: unknown): unknown =>
  error instanceof S3Error && OTHER_BYTES.has(error.code) ? new FileChanged(undefined, { cause: error }) : error;

export type FileFacts = Pick<Stats, 'size' | 'mtimeMs' | 'ctimeMs'>;

/** Whether nobody wrote to a file between these; what is written to memory that it is mapped to may not show. */
export const isUntouched = (before: FileFacts, after: FileFacts): boolean =>
  before.size === after.size && before.mtimeMs === after.mtimeMs && before.ctimeMs === after.ctimeMs;

/** Bytes of a file that were sent, and their SHA-256 in hex. */
export interface SentRange {
  readonly from: number;
  readonly sizeBytes: number;
  readonly hash: string;
}

/** Reads the ranges once more: what was added behind them does not matter. @throws FileChanged */
export const assertUnchanged = async (
  file: FileHandle,
  ranges: readonly SentRange[],
  signal: AbortSignal | undefined,
): Promise<void> => {
  for (const { from, sizeBytes, hash } of ranges) {
    signal?.throwIfAborted();
    const now = createHash('sha256');
    for await (const chunk of readRange(file, from, sizeBytes)) now.update(chunk);
    if (now.digest('hex') !== hash) throw new FileChanged('the file changed while its parts were sent');
  }
};
