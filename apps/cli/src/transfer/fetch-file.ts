import { chmod, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { S3Error, type S3Client } from '@fornax/s3';
import { leavePart, partOf, takePart } from './part-file.js';
import type { About } from './transfer-all.js';

const LONGEST_NAME_BYTES = 255;
const RIGHTS = 0o777;

/** An object that is wanted as a file. */
export interface WantedFile {
  readonly bucket: string;
  readonly key: string;
  /** Relative to the folder. */
  readonly path: string;
  readonly size: number;
  /** The version that it must be; absent: any that `isRight` takes. */
  readonly etag?: string;
  /** Rights that the file gets; absent: those that the object's metadata says, as far as this process would give them to a new file. */
  readonly mode?: number;
  /** Whether a file holds the bytes; undefined where that cannot be told. */
  isRight(file: string): Promise<boolean | undefined>;
}

/** How one object was found. */
export type Found = 'whole' | 'there' | 'missing' | 'changed' | 'elsewhere' | 'clash' | 'too-long';

/** What is said of objects that cannot be files here. */
export const UNNAMABLE = {
  elsewhere: 'has a path that no file here can have',
  clash: 'cannot be a file here: one path is both, a file and a folder',
  'too-long': 'has a name that is too long for a file here',
} as const satisfies Partial<Record<Found, string>>;

const factsOf = (file: string): Promise<{ readonly size: number; readonly mode: number } | undefined> =>
  stat(file).then(
    (facts) => (facts.isFile() ? facts : undefined),
    () => undefined,
  );

export const isMissing = (error: unknown): boolean => error instanceof S3Error && error.status === 404;

const CLASH: ReadonlySet<string> = new Set(['EEXIST', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY']);
/** What the file system says of a path that cannot be a file here. */
const refusalOf = (error: unknown): Found | undefined => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (CLASH.has(code)) return 'clash';
  return code === 'ENAMETOOLONG' ? 'too-long' : undefined;
};

/** Whether a path stays in its folder, and is written in the one way that it has there. */
const isPlain = (path: string): boolean =>
  path.split('/').every((part) => part !== '' && part !== '.' && part !== '..') && !path.includes('\0');

/** Nobody else gets more rights than this process gives to a new file. */
const rightsOf = ({ mode }: Pick<WantedFile, 'mode'>, told: number | undefined): number | undefined => {
  if (mode !== undefined) return mode & RIGHTS;
  return told === undefined ? undefined : told & RIGHTS & ~process.umask();
};

/**
 * Brings an object into a folder, under its path there. What came before a break stays in a file beside it, and is gone on with. The file gets its name
 * when its bytes are the right ones. Several processes may do so at once.
 * @returns `there` when the file was right already; `elsewhere`, `clash` or `too-long` when there can be no file at its path
 */
export const fetchFile = async (s3: S3Client, wanted: WantedFile, folder: string, about: About): Promise<Found> => {
  const { path } = wanted;
  const file = join(folder, path);
  if (!isPlain(path) || !resolve(file).startsWith(resolve(folder) + sep)) return 'elsewhere';
  if (Buffer.byteLength(basename(file)) > LONGEST_NAME_BYTES) return 'too-long';
  try {
    if (await isThere(s3, wanted, file, about)) return 'there';
    await mkdir(dirname(file), { recursive: true });
    return await fetchAt(s3, wanted, file, about);
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    return refusal;
  }
};

/** Makes a folder that an object stands for. */
export const makeFolder = async (folder: string, path: string): Promise<Found> => {
  if (!isPlain(path)) return 'elsewhere';
  try {
    return (await mkdir(join(folder, path), { recursive: true })) === undefined ? 'there' : 'whole';
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    return refusal;
  }
};

/** Whether there is a file with the bytes of an object; nothing is changed, its rights neither. */
export const isHere = async (wanted: WantedFile, folder: string): Promise<boolean> => {
  const file = join(folder, wanted.path);
  return (await factsOf(file))?.size === wanted.size && (await wanted.isRight(file)) === true;
};

const isThere = async (
  s3: S3Client,
  wanted: WantedFile,
  file: string,
  { signal, onBytes }: About,
): Promise<boolean> => {
  const facts = await factsOf(file);
  if (facts?.size !== wanted.size || (await wanted.isRight(file)) !== true) return false;
  const { bucket, key, mode } = wanted;
  const told = mode === undefined ? (await s3.headObject(bucket, key, { signal }))?.mode : undefined;
  const rights = rightsOf(wanted, told);
  if (rights !== undefined && (facts.mode & RIGHTS) !== rights) await chmod(file, rights);
  onBytes(wanted.size);
  return true;
};

const fetchAt = async (s3: S3Client, wanted: WantedFile, file: string, about: About): Promise<Found> => {
  const part = partOf(file);
  const own = await takePart(part, wanted.size);
  try {
    return await fetchThrough(s3, wanted, { part: own, file }, about);
  } catch (error) {
    await leavePart(own, part);
    throw error;
  }
};

interface Files {
  readonly part: string;
  readonly file: string;
}

const fetchThrough = async (s3: S3Client, wanted: WantedFile, { part, file }: Files, about: About): Promise<Found> => {
  const { size } = wanted;
  const came = (await factsOf(part))?.size ?? 0;
  // As much as there is, or more: no half of this object.
  const start = came >= size ? 0 : came;
  const found = await fetchRest(s3, wanted, part, start, about);
  if (typeof found === 'string') {
    await rm(part, { force: true });
    return found;
  }
  if ((await wanted.isRight(part)) === false) {
    await rm(part, { force: true });
    // What had come may be of an object that was replaced since.
    return start === 0 ? 'changed' : fetchThrough(s3, wanted, { part, file }, about);
  }
  const rights = rightsOf(wanted, found.mode);
  if (rights !== undefined) await chmod(part, rights);
  await rename(part, file);
  return 'whole';
};

/** Takes up an object where its part ends. @returns what its metadata says, or why there is nothing to be had */
const fetchRest = async (
  s3: S3Client,
  { bucket, key, size, etag }: WantedFile,
  part: string,
  start: number,
  { signal, onBytes }: About,
): Promise<{ readonly mode: number | undefined } | 'missing' | 'changed'> => {
  const to = await open(part, start === 0 ? 'w' : 'a');
  try {
    onBytes(start);
    if (size === 0) return (await s3.headObject(bucket, key, { signal })) ?? 'missing';
    const match = etag === undefined || etag === '' ? {} : { ifMatch: etag };
    const { body, mode } = await s3.readObject(bucket, key, { ...(start === 0 ? {} : { start }), ...match, signal });
    for await (const bytes of body) {
      await to.appendFile(bytes);
      onBytes(bytes.length);
    }
    return { mode };
  } catch (error) {
    if (isMissing(error)) return 'missing';
    // 416: the object is shorter than what came of another one by this name. 412: it is another one by now.
    if (error instanceof S3Error && (error.status === 416 || error.status === 412)) return 'changed';
    throw error;
  } finally {
    await to.close();
  }
};
