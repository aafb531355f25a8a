import { chmod, rm } from 'node:fs/promises';

import { type S3Client, S3Error, type S3Object } from '@fornax/s3';

import { codeOf } from '../files/job-files.js';
import { quoted } from '../files/quoted.js';
import { type FetchedObject, fetchObject } from '../input-cache/fetch-object.js';
import type { CachedFile, InputCache } from '../input-cache/input-cache.js';
import { placeFile } from '../input-cache/place-file.js';
import { UserError } from '../failure/user-error.js';

/** Where inputs come from, with the rights of a lease. */
export interface InputStore {
  readonly s3: S3Client;
  /** Whose lease it is: what others have fetched is not found by names of theirs. */
  readonly owner: string;
  /** Absent on a node that keeps nothing. */
  readonly cache?: InputCache | undefined;
}

/** An object as a listing of the lease's told of it. */
export interface WantedObject extends S3Object {
  readonly bucket: string;
  /** How long it is kept on the node; 0: not at all. */
  readonly ttlMs: number;
  /** Present of one that must be what it was; by its bytes and its mode. */
  readonly pinned?: Pick<FetchedObject, 'isExecutable'> & { readonly sha256?: string };
}

/** An object as it lies in the job. */
export interface BroughtObject extends WantedObject, Pick<FetchedObject, 'sha256' | 'isExecutable'> {}

/** What a file is a version of: changes with the content; with its age where the storage names no ETag. */
export const objectVersion = ({ bucket, sizeBytes, etag, lastModified }: WantedObject): string =>
  `${bucket} ${sizeBytes} ${etag === '' ? lastModified : etag}`;

const MOST_KEY_CHARS = 120;
/** An object may change between its listing and its reading, or the cache may need the room of what it has just given. */
const TRIES = 5;

/** The object was there when its bucket was listed, and is not any more. */
export class InputGone extends UserError {
  constructor({ bucket, key }: WantedObject) {
    super('FX-INPUT', `The object ${key} of the bucket ${bucket} was deleted while it was being fetched`);
  }
}

/** A pinned object is not what it was. */
export class InputChanged extends UserError {
  constructor({ bucket, key }: Pick<WantedObject, 'bucket' | 'key'>, how: string) {
    super(
      'FX-INPUT-CHANGED',
      `The input ${quoted(key, MOST_KEY_CHARS)} of the bucket ${bucket} ${how}, and the task is pinned to what it was`,
    );
  }
}

/** @throws InputChanged */
const assertPinned = (object: WantedObject, { sha256, isExecutable }: FetchedObject): void => {
  const { pinned } = object;
  if (!pinned) return;
  if (pinned.sha256 !== undefined && pinned.sha256 !== sha256) throw new InputChanged(object, 'has other content now');
  if (pinned.isExecutable !== isExecutable) throw new InputChanged(object, 'has another mode now');
};

const isMissing = (error: unknown): boolean => error instanceof S3Error && error.code === 'NoSuchKey';

const hasChanged = (error: unknown): boolean => error instanceof S3Error && error.status === 412;

/** The cache's file; undefined where it does not keep the object. */
const cached = (
  { s3, owner, cache }: InputStore,
  object: WantedObject,
  signal: AbortSignal,
): Promise<CachedFile | undefined> => {
  const { bucket, key, sizeBytes, etag, lastModified, ttlMs } = object;
  return (
    cache?.bring({
      // With its age: the metadata that holds its mode can change while the content stays.
      name: [owner, bucket, key, etag, lastModified, String(sizeBytes)],
      sizeBytes,
      ttlMs,
      fetch: (file) => fetchObject(s3, object, file, signal),
      signal,
    }) ?? Promise.resolve(undefined)
  );
};

const bringOnce = async (
  store: InputStore,
  object: WantedObject,
  target: string,
  { signal, mayLink }: BringOptions,
): Promise<FetchedObject> => {
  const file = await cached(store, object, signal);
  if (file) {
    assertPinned(object, file);
    await placeFile(file, target, { mayLink });
    return file;
  }
  const fetched = await fetchObject(store.s3, object, target, signal);
  assertPinned(object, fetched);
  await chmod(target, fetched.isExecutable ? 0o755 : 0o644);
  return fetched;
};

export interface BringOptions {
  readonly signal: AbortSignal;
  /** Whether the file may be one that others read, too: of an instance that cannot write it. */
  readonly mayLink: boolean;
}

/**
 * Puts an object into a file, in place of what is there, verified by its checksum. @returns what is there now, which may be newer than its listing
 * @throws S3Error, DamagedObject, InputGone; InputChanged of a pinned one, which is there as it was or not at all
 */
export const bringObject = async (
  store: InputStore,
  object: WantedObject,
  target: string,
  options: BringOptions,
): Promise<BroughtObject> => {
  let wanted = object;
  for (let tries = 1; ; tries += 1) {
    try {
      // Nearly always nothing is there yet.
      if (tries > 1) await rm(target, { force: true });
      const { sha256, isExecutable } = await bringOnce(store, wanted, target, options);
      return { ...wanted, sha256, isExecutable };
    } catch (error) {
      options.signal.throwIfAborted();
      if (object.pinned && isMissing(error)) throw new InputChanged(object, 'is deleted');
      if (object.pinned && hasChanged(error)) throw new InputChanged(object, 'has other content now');
      if (isMissing(error)) throw new InputGone(object);
      const isLetGo = codeOf(error) === 'ENOENT' && store.cache !== undefined;
      const isInTheWay = tries === 1 && codeOf(error) === 'EEXIST';
      if (tries === TRIES || !(isLetGo || isInTheWay || hasChanged(error))) throw error;
      if (!hasChanged(error)) continue;
      const now = await store.s3.headObject(wanted.bucket, wanted.key, options);
      if (!now) throw new InputGone(object);
      wanted = { ...wanted, ...now };
    }
  }
};
