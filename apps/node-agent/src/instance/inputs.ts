import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { eachLimited } from '@fornax/base';
import type { InputManifest, LeaseOrder } from '@fornax/contracts';
import { S3Error } from '@fornax/s3';

import { codeOf } from '../files/job-files.js';
import { replaceFile } from '../files/replace-file.js';
import { UserError } from '../failure/user-error.js';
import {
  bringObject,
  type BringOptions,
  type BroughtObject,
  InputGone,
  type InputStore,
  objectVersion,
  type WantedObject,
} from './bring-object.js';
import { pinnedObjects } from './pinned-inputs.js';

const PARALLEL = 12;
const PARALLEL_LISTS = 8;
/** As many as are listed of what an instance has made. */
const MOST_OBJECTS = 500_000;
/** The default of the API (contract, section 4.6), for orders that say nothing. */
const DEFAULT_TTL_S = 7_776_000;

/**
 * Where an object goes, relative to the folder of inputs; undefined for the prefix itself.
 * @throws UserError the path would lead out of the folder, or is one that no file can have
 */
export const localPathOf = (key: string, stripPrefix: string | undefined): string | undefined => {
  const rest = stripPrefix !== undefined && key.startsWith(stripPrefix) ? key.slice(stripPrefix.length) : key;
  const parts = rest.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || rest.includes('\0'))
    throw new UserError('FX-INPUT', `The object ${key} has a path that leads out of the job`);
  if (parts.length === 0 && /\./.test(rest))
    throw new UserError('FX-INPUT', `The object ${key} has a name that no file can have`);
  return parts.length === 0 ? undefined : parts.join('/') + (rest.endsWith('/') ? '/' : '');
};

/** An object that lies in the folder of inputs. A folder has no bytes. */
export type BroughtInput = WantedObject & Partial<Pick<BroughtObject, 'sha256' | 'isExecutable'>>;

/** What of the buckets lies in the folder of inputs, by path; one that ends with a slash is a folder. Two objects of one path: the later bucket's. */
export type Inputs = Map<string, BroughtInput>;

type Resources = LeaseOrder['resources'];

const ttlMsOf = ({ cacheTtlSeconds = DEFAULT_TTL_S }: Resources[number]): number => cacheTtlSeconds * 1_000;

/** What the buckets hold for an instance. */
interface Listed {
  /** By their place in the folder; a path that ends with a slash is a folder. */
  readonly objects: ReadonlyMap<string, WantedObject>;
  /** Resources of which there is nothing. */
  readonly empty: Resources;
}

/** Lists the resources, some at a time; of those that hold one path the last one wins. @throws UserError, S3Error */
const listInputs = async ({ s3 }: InputStore, resources: Resources, signal: AbortSignal): Promise<Listed> => {
  const found = resources.map((): [string | undefined, WantedObject][] => []);
  let count = 0;
  await eachLimited([...resources.entries()], PARALLEL_LISTS, async ([at, resource]) => {
    const { bucket, prefix = '', stripPrefix } = resource;
    try {
      for await (const object of s3.list(bucket, prefix, { signal })) {
        const path = localPathOf(object.key, stripPrefix);
        // What a folder has besides its name would be lost.
        if (path?.endsWith('/') === true && object.sizeBytes > 0)
          throw new UserError(
            'FX-INPUT',
            `The object ${object.key} is named like a folder and has ${object.sizeBytes} bytes: no file can have that name`,
          );
        found[at]?.push([path, { ...object, bucket, ttlMs: ttlMsOf(resource) }]);
        count += 1;
        if (count > MOST_OBJECTS)
          throw new UserError(
            'FX-INPUT',
            `The inputs are more than ${MOST_OBJECTS} objects: put them into fewer ones`,
            'limit',
          );
      }
    } catch (error) {
      throw inputError(bucket, error);
    }
  });
  const objects = new Map<string, WantedObject>();
  for (const [path, object] of found.flat()) if (path !== undefined) objects.set(path, object);
  return { objects, empty: resources.filter((_, at) => found[at]?.length === 0) };
};

/** What was brought, and the resources of which nothing was. */
export interface Brought {
  readonly inputs: Inputs;
  readonly empty: Resources;
}

/** Makes folders, each once. */
const folderMaker = (): ((folder: string) => Promise<unknown>) => {
  const made = new Map<string, Promise<unknown>>();
  return (folder) => {
    const making = made.get(folder) ?? mkdir(folder, { recursive: true });
    made.set(folder, making);
    return making;
  };
};

export interface DownloadOptions extends BringOptions {
  /** What to bring, of objects in the resources; absent: all that these hold. */
  readonly pin?: InputManifest | undefined;
}

/** Puts the objects of the resources into `folder`. @throws UserError, S3Error, DamagedObject */
export const downloadInputs = async (
  store: InputStore,
  resources: Resources,
  folder: string,
  { pin, ...options }: DownloadOptions,
): Promise<Brought> => {
  const inputs: Inputs = new Map();
  await mkdir(folder, { recursive: true });
  const { objects: listed, empty } = await listInputs(store, resources, options.signal);
  const objects = pin ? pinnedObjects(listed, resources, pin, ttlMsOf) : listed;
  const make = folderMaker();
  await eachLimited([...objects], PARALLEL, async ([path, object]) => {
    const target = join(folder, path);
    try {
      await make(path.endsWith('/') ? target : dirname(target));
      inputs.set(path, path.endsWith('/') ? object : await bringObject(store, object, target, options));
    } catch (error) {
      throw inputError(object.bucket, error);
    }
  });
  return { inputs, empty };
};

const versionIn = (inputs: Inputs, path: string): string | undefined => {
  const brought = inputs.get(path);
  return brought && objectVersion(brought);
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
  store: InputStore,
  resources: Resources,
  { jobDir, folder, stagingDir }: InputPlace,
  inputs: Inputs,
  signal: AbortSignal,
): Promise<{ readonly replaced: ReadonlyMap<string, string>; readonly empty: Resources }> => {
  const { objects, empty } = await listInputs(store, resources, signal);
  const changed = [...objects].filter(
    ([path, object]) => !path.endsWith('/') && versionIn(inputs, path) !== objectVersion(object),
  );
  const replaced = new Map<string, string>();
  await eachLimited(changed, PARALLEL, async ([path, object]) => {
    const staged = join(stagingDir, `incoming-${randomUUID()}`);
    try {
      // A file of its own: it is handed over to the instance's user.
      const brought = await bringObject(store, object, staged, { signal, mayLink: false });
      const place = folder === '' ? path : `${folder}/${path}`;
      replaced.set(place, await replaceFile(jobDir, place, staged));
      inputs.set(path, brought);
    } catch (error) {
      // What is gone from the buckets stays as it is.
      if (!(error instanceof InputGone)) throw error;
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
  if (error instanceof S3Error && error.code === 'InvalidBucketState')
    return new UserError('FX-INPUT', `The bucket ${bucket} cannot be read any more: ${error.message}`);
  return error;
};
