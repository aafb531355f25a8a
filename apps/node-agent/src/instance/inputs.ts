import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { LeaseOrder } from '@fornax/contracts';

import { eachLimited } from '../files/each-limited.js';
import { UserError } from '../profile/command-of.js';
import { type S3Client, S3Error } from '../s3/s3-client.js';
import type { S3Credentials } from '../s3/sign-v4.js';

const PARALLEL = 4;

/**
 * Where an object goes, relative to the folder of inputs; undefined for the prefix itself.
 * @throws UserError the path would lead out of the folder
 */
export const localPathOf = (key: string, stripPrefix: string | undefined): string | undefined => {
  const rest = stripPrefix !== undefined && key.startsWith(stripPrefix) ? key.slice(stripPrefix.length) : key;
  const parts = rest.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || rest.includes('\0'))
    throw new UserError('FX-INPUT', `The object ${key} has a path that leads out of the job`);
  return parts.length === 0 ? undefined : parts.join('/') + (rest.endsWith('/') ? '/' : '');
};

/** Copies the objects of the buckets into `folder`, bucket after bucket, so that the last one wins. @throws UserError, S3Error */
export const downloadInputs = async (
  s3: S3Client,
  credentials: S3Credentials,
  resources: LeaseOrder['resources'],
  folder: string,
  signal: AbortSignal,
): Promise<void> => {
  await mkdir(folder, { recursive: true });
  for (const { bucket, prefix = '', stripPrefix } of resources) {
    try {
      const objects: { readonly key: string }[] = [];
      for await (const object of s3.list(credentials, bucket, prefix, signal)) objects.push(object);
      await eachLimited(objects, PARALLEL, async ({ key }) => {
        const path = localPathOf(key, stripPrefix);
        if (path === undefined) return;
        const target = join(folder, path);
        if (path.endsWith('/')) {
          await mkdir(target, { recursive: true });
          return;
        }
        await mkdir(dirname(target), { recursive: true });
        await rm(target, { force: true });
        await s3.download(credentials, bucket, key, target, signal);
      });
    } catch (error) {
      throw inputError(bucket, error);
    }
  }
};

const PATH_CLASH = new Set(['EEXIST', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'ERR_FS_EISDIR']);
const inputError = (bucket: string, error: unknown): unknown => {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (PATH_CLASH.has(code))
    return new UserError(
      'FX-INPUT',
      `Two inputs want the same path, once as a file and once as a folder (bucket ${bucket})`,
      String(error),
    );
  if (error instanceof S3Error && error.code === 'NoSuchBucket')
    return new UserError('FX-INPUT', `The bucket ${bucket} does not exist any more`);
  return error;
};
