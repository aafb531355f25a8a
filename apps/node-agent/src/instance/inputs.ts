import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { LeaseOrder } from '@fornax/contracts';
import { type S3Client, S3Error } from '@fornax/s3';

import { eachLimited } from '../files/each-limited.js';
import { codeOf } from '../files/job-files.js';
import { replaceFile } from '../files/replace-file.js';
import { UserError } from '../profile/command-of.js';

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

/** What of the buckets lies in the folder of inputs: path to version. Two objects of one path: the later bucket's. */
export type Inputs = Map<string, string>;

interface WantedObject {
  readonly bucket: string;
  readonly key: string;
  readonly version: string;
}

/** The objects of one bucket by their place in the folder; a path that ends with a slash is a folder. @throws UserError, S3Error */
const objectsOf = async (
  s3: S3Client,
  { bucket, prefix = '', stripPrefix }: LeaseOrder['resources'][number],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, WantedObject>> => {
  const objects = new Map<string, WantedObject>();
  for await (const { key, sizeBytes, etag, lastModified } of s3.list(bucket, prefix, { signal })) {
    const path = localPathOf(key, stripPrefix);
    // Changes with the content; with its age where the storage names no ETag.
    const version = `${bucket} ${sizeBytes} ${etag === '' ? lastModified : etag}`;
    if (path !== undefined) objects.set(path, { bucket, key, version });
  }
  return objects;
};

/** What was brought, and the resources of which nothing was. */
export interface Brought {
  readonly inputs: Inputs;
  readonly empty: LeaseOrder['resources'];
}

/** Copies the objects of the buckets into `folder`, bucket after bucket, so that the last one wins. @throws UserError, S3Error */
export const downloadInputs = async (
  s3: S3Client,
  resources: LeaseOrder['resources'],
  folder: string,
  signal: AbortSignal,
): Promise<Brought> => {
  const inputs: Inputs = new Map();
  const empty: LeaseOrder['resources'] = [];
  await mkdir(folder, { recursive: true });
  for (const resource of resources) {
    try {
      const objects = await objectsOf(s3, resource, signal);
      if (objects.size === 0) empty.push(resource);
      await eachLimited([...objects], PARALLEL, async ([path, { bucket, key, version }]) => {
        const target = join(folder, path);
        if (path.endsWith('/')) {
          await mkdir(target, { recursive: true });
          return;
        }
        await mkdir(dirname(target), { recursive: true });
        await rm(target, { force: true });
        await s3.download(bucket, key, target, { signal });
        inputs.set(path, version);
      });
    } catch (error) {
      throw inputError(resource.bucket, error);
    }
  }
  return { inputs, empty };
};

export interface InputPlace {
  readonly jobDir: string;
  /** Folder of inputs, relative to the job; '' for the job itself. */
  readonly folder: string;
  /** A folder on the same disk that the instance cannot see. */
  readonly stagingDir: string;
}

/**
 * Brings what is new or has changed since `inputs` was written, while the instance runs; what is gone from the buckets stays (contract, 4.6).
 * `inputs` is brought up to date. @returns versions of the files replaced, by their path in the job; resources of which there is nothing
 * @throws UserError, S3Error
 */
export const refreshInputs = async (
  s3: S3Client,
  resources: LeaseOrder['resources'],
  { jobDir, folder, stagingDir }: InputPlace,
  inputs: Inputs,
  signal: AbortSignal,
): Promise<{ readonly replaced: ReadonlyMap<string, string>; readonly empty: LeaseOrder['resources'] }> => {
  const wanted = new Map<string, WantedObject>();
  const empty: LeaseOrder['resources'] = [];
  for (const resource of resources) {
    const objects = await objectsOf(s3, resource, signal).catch((error: unknown) => {
      throw inputError(resource.bucket, error);
    });
    if (objects.size === 0) empty.push(resource);
    for (const [path, object] of objects) wanted.set(path, object);
  }
  const changed = [...wanted].filter(([path, { version }]) => !path.endsWith('/') && inputs.get(path) !== version);
  const replaced = new Map<string, string>();
  await eachLimited(changed, PARALLEL, async ([path, { bucket, key, version }]) => {
    const staged = join(stagingDir, `incoming-${randomUUID()}`);
    try {
      await s3.download(bucket, key, staged, { signal });
      const place = folder === '' ? path : `${folder}/${path}`;
      replaced.set(place, await replaceFile(jobDir, place, staged));
      inputs.set(path, version);
    } finally {
      await rm(staged, { force: true });
    }
  });
  return { replaced, empty };
};

const PATH_CLASH = new Set(['EEXIST', 'ENOTDIR', 'EISDIR', 'ERR_FS_EISDIR']);
const inputError = (bucket: string, error: unknown): unknown => {
  const code = codeOf(error);
  if (PATH_CLASH.has(code))
    return new UserError(
      'FX-INPUT',
      `Two inputs want the same path, once as a file and once as a folder (bucket ${bucket})`,
    );
  if (code === 'ENAMETOOLONG')
    return new UserError(
      'FX-INPUT',
      `An object of the bucket ${bucket} has a name that is too long for a file: 255 bytes between slashes, 4,096 in all`,
    );
  if (error instanceof S3Error && error.code === 'NoSuchBucket')
    return new UserError('FX-INPUT', `The bucket ${bucket} does not exist any more`);
  return error;
};
