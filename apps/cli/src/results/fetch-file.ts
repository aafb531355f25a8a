import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { S3Error, type S3Client } from '@fornax/s3';
import type { WantedObject } from './wanted.js';

const PART = '.fornax-part';
const RIGHTS = 0o777;

/** How one object was found. */
export type Found = 'whole' | 'there' | 'missing' | 'changed' | 'elsewhere';

const sizeOf = (file: string): Promise<number | undefined> =>
  stat(file).then(
    (facts) => (facts.isFile() ? facts.size : undefined),
    () => undefined,
  );

const sumOfFile = async (file: string): Promise<string> => {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest('hex');
};

const isMissing = (error: unknown): boolean => error instanceof S3Error && error.status === 404;

/** Reads an object through. @param onBytes told of the bytes as they come @returns `missing`, `changed` or `whole` */
export const checkObject = async (
  s3: S3Client,
  { bucket, key, sums }: WantedObject,
  { signal, onBytes }: { readonly signal: AbortSignal; readonly onBytes: (bytes: number) => void },
): Promise<Found> => {
  const hash = createHash('sha256');
  try {
    for await (const piece of await s3.getObject(bucket, key, { signal })) {
      const bytes = piece as Buffer;
      hash.update(bytes);
      onBytes(bytes.length);
    }
  } catch (error) {
    if (isMissing(error)) return 'missing';
    throw error;
  }
  return sums.has(hash.digest('hex')) ? 'whole' : 'changed';
};

/**
 * Brings an object into a folder, under its path there. What came before a break stays in a file beside it, and is gone on with. The file gets its name
 * when its bytes are the right ones.
 * @returns `there` when the file was right already, `elsewhere` when its path leads out of the folder
 */
export const fetchFile = async (
  s3: S3Client,
  wanted: WantedObject,
  folder: string,
  { signal, onBytes }: { readonly signal: AbortSignal; readonly onBytes: (bytes: number) => void },
): Promise<Found> => {
  const { bucket, key, path, size, sums } = wanted;
  const file = join(folder, path);
  if (!resolve(file).startsWith(resolve(folder) + sep)) return 'elsewhere';
  if ((await sizeOf(file)) === size && sums.has(await sumOfFile(file))) {
    onBytes(size);
    return 'there';
  }
  await mkdir(dirname(file), { recursive: true });
  const part = `${file}${PART}`;
  let start = (await sizeOf(part)) ?? 0;
  // As much as there is, or more: no half of this object.
  if (start >= size) start = 0;
  const to = await open(part, start === 0 ? 'w' : 'a');
  try {
    onBytes(start);
    if (size > 0)
      for await (const piece of await s3.getObject(bucket, key, { ...(start === 0 ? {} : { start }), signal })) {
        const bytes = piece as Buffer;
        await to.appendFile(bytes);
        onBytes(bytes.length);
      }
    else if ((await s3.headObject(bucket, key, { signal })) === undefined) return await dropped(part, 'missing');
  } catch (error) {
    if (isMissing(error)) return await dropped(part, 'missing');
    // The object is shorter than what came of another one by this name.
    if (error instanceof S3Error && error.status === 416) return await dropped(part, 'changed');
    throw error;
  } finally {
    await to.close();
  }
  if (!sums.has(await sumOfFile(part))) return dropped(part, 'changed');
  await chmod(part, wanted.mode & RIGHTS);
  await rename(part, file);
  return 'whole';
};

const dropped = async (part: string, found: Found): Promise<Found> => {
  await rm(part, { force: true });
  return found;
};
