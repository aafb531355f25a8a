import { createHash } from 'node:crypto';

import { type InputManifest, inputManifestName, inputManifestSchema, type LeaseOrder } from '@fornax/contracts';
import type { S3Client } from '@fornax/s3';

import { InputChanged, type WantedObject } from './bring-object.js';
import { MANIFESTS_AREA } from './result-manifest.js';

type Resources = LeaseOrder['resources'];

/** Reads the list of inputs that an instance is pinned to. @throws Error it is not there, or is not that list; S3Error */
export const readPin = async (
  s3: S3Client,
  taskId: string,
  digest: string,
  signal: AbortSignal,
): Promise<InputManifest> => {
  const bytes = await s3.getBytes(MANIFESTS_AREA, `${taskId}/${inputManifestName(digest)}`, { signal });
  if (createHash('sha256').update(bytes).digest('hex') !== digest)
    throw new Error('the list of the inputs that the task is pinned to is damaged');
  return inputManifestSchema.parse(JSON.parse(bytes.toString('utf8')));
};

/** Whether a listing shows the very version; its age may be another one, of the same bytes stored again. */
const isSame = (listed: WantedObject | undefined, pinned: WantedObject): listed is WantedObject =>
  listed?.bucket === pinned.bucket &&
  listed.key === pinned.key &&
  listed.etag === pinned.etag &&
  listed.sizeBytes === pinned.sizeBytes;

/**
 * Takes from a list of inputs what an instance gets instead of what the buckets hold now: what came since is left out, and what has changed is looked for
 * in the cache alone, since the storage has other bytes.
 * @param ttlMsOf how long what comes of a resource is kept
 * @throws InputChanged one of them is in none of the resources, so the lease may not read it
 */
export const pinnedObjects = (
  listed: ReadonlyMap<string, WantedObject>,
  resources: Resources,
  { objects }: InputManifest,
  ttlMsOf: (resource: Resources[number]) => number,
): ReadonlyMap<string, WantedObject> =>
  new Map(
    objects.map(({ path, size: sizeBytes, sha256, isExecutable, ...object }) => {
      const { bucket, key } = object;
      const resource = resources.find((one) => one.bucket === bucket && key.startsWith(one.prefix ?? ''));
      if (!resource) throw new InputChanged(object, 'is in none of the resources of the task');
      const pinned = { isExecutable, ...(sha256 === undefined ? {} : { sha256 }) };
      const wanted: WantedObject = { ...object, sizeBytes, ttlMs: ttlMsOf(resource) };
      const now = listed.get(path);
      return [path, { ...(isSame(now, wanted) ? now : wanted), pinned }] as const;
    }),
  );
