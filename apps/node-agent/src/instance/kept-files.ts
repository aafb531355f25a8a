import { createHash } from 'node:crypto';
import { eachLimited } from '@fornax/base';
import {
  encodeCopies,
  FILE_COPIES_QUERY,
  MOST_COPIES,
  type FileCopies,
  type SnapshotManifest,
} from '@fornax/contracts';
import { readXml, S3Error, type S3Client } from '@fornax/s3';
import { type JobFile, openFile } from '../files/job-files.js';
import type { UploadTarget } from './results.js';
import { modeMetadata } from './store-file.js';

/**
 * What a program writes to a file that is in its memory shows in the file's times once the kernel has written the page out, which it does after 30 seconds:
 * until then a file that changed a moment before it was read is read again.
 */
const SETTLED_MS = 60_000;
const PARALLEL_HASHES = 4;

/** A file as a snapshot has it. */
export interface KeptFile {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly version: string;
  /** Whether it is the same for sure while its version is. */
  readonly isSettled: boolean;
}

/** The last snapshot of an instance that its node knows the files of, and where it lies. */
export interface KeptSnapshot extends UploadTarget {
  readonly snapshotId: string;
  /** By path. */
  readonly files: ReadonlyMap<string, KeptFile>;
}

/** A file and what is in it. */
export interface StoredFile {
  readonly file: JobFile;
  readonly bytes: number;
  readonly sha256: string;
}

/** @param listedAt when the file was listed, by the clock of its times */
export const keptFile = ({ file, bytes, sha256 }: StoredFile, listedAt: number): KeptFile => ({
  sha256,
  sizeBytes: bytes,
  version: `${file.version}/${file.changedAt}`,
  isSettled: listedAt - file.changedAt > SETTLED_MS,
});

/** What an instance began with: laid out anew, so that each file is read before it counts as unchanged. */
export const keptOf = ({ snapshotId, bucket, folder, files }: SnapshotManifest): KeptSnapshot => ({
  snapshotId,
  bucket,
  prefix: folder === '' ? null : folder,
  files: new Map(
    files.map(({ path, size, sha256 }) => [path, { sha256, sizeBytes: size, version: '', isSettled: false }]),
  ),
});

/** SHA-256 of what is in a file now; undefined where it cannot be read, or holds more or less than was listed. */
const hashOf = async (jobDir: string, file: JobFile, signal: AbortSignal): Promise<string | undefined> => {
  const handle = await openFile(jobDir, file).catch(() => undefined);
  if (!handle) return undefined;
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of handle.createReadStream({ signal })) {
    const part: Buffer = chunk;
    bytes += part.length;
    hash.update(part);
  }
  return bytes === file.sizeBytes ? hash.digest('hex') : undefined;
};

/** Files that hold what they held in the snapshot before: their times tell, or else their bytes are read. */
export const unchangedFiles = async (
  jobDir: string,
  files: readonly JobFile[],
  before: KeptSnapshot,
  signal: AbortSignal,
): Promise<readonly StoredFile[]> => {
  const unchanged: StoredFile[] = [];
  await eachLimited(files, PARALLEL_HASHES, async (file) => {
    const known = before.files.get(file.path);
    if (known?.sizeBytes !== file.sizeBytes) return;
    const { sha256 } = known;
    const isSame =
      (known.isSettled && known.version === `${file.version}/${file.changedAt}`) ||
      (await hashOf(jobDir, file, signal)) === sha256;
    if (isSame) unchanged.push({ file, bytes: file.sizeBytes, sha256 });
  });
  return unchanged;
};

const missingIn = (answer: string): ReadonlySet<number> => {
  const document = readXml(answer);
  if (document?.root !== 'CopyFilesResult') throw new Error('the storage does not copy files of snapshots');
  const { Missing: missing = [] } = document.content;
  return new Set((Array.isArray(missing) ? missing : [missing]).map(Number));
};

/**
 * Has files of a snapshot copied inside the store.
 * @returns those that were there to be copied
 * @throws S3Error, Error
 */
export const copyInStore = async (
  s3: S3Client,
  { bucket, prefix }: UploadTarget,
  of: FileCopies['of'],
  files: readonly StoredFile[],
  {
    signal,
    patiently,
  }: { readonly signal: AbortSignal; readonly patiently: <T>(work: () => Promise<T>) => Promise<T> },
): Promise<readonly StoredFile[]> => {
  const copied: StoredFile[] = [];
  for (let from = 0; from < files.length; from += MOST_COPIES) {
    const some = files.slice(from, from + MOST_COPIES);
    const body = encodeCopies({
      of,
      files: some.map(({ file }) => ({ key: (prefix ?? '') + file.path, mode: modeMetadata(file) })),
    });
    const missing = missingIn(await patiently(() => s3.post(bucket, FILE_COPIES_QUERY, body, { signal })));
    copied.push(...some.filter((_, at) => !missing.has(at)));
  }
  return copied;
};

/** As `copyInStore`, from the snapshot before; a storage of an earlier version copies nothing, so all is sent. */
export const copyFromBefore = (...[s3, target, files, options]: CopyBefore): Promise<readonly StoredFile[]> =>
  copyInStore(s3, target, 'before', files, options).catch((error: unknown) => {
    if (error instanceof S3Error && error.code === 'NotImplemented') return [];
    throw error;
  });
type CopyBefore = [S3Client, UploadTarget, readonly StoredFile[], Parameters<typeof copyInStore>[4]];
