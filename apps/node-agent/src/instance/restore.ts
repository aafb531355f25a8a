import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, lstat, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { eachLimited } from '@fornax/base';
import {
  MOST_SNAPSHOT_MANIFEST_BYTES,
  type Restore,
  type SnapshotManifest,
  snapshotFileKey,
  snapshotManifestSchema,
  SNAPSHOTS_AREA,
} from '@fornax/contracts';
import { S3Error, type S3Client } from '@fornax/s3';
import { isFolder } from '../files/job-files.js';
import { OwnFolders } from '../files/own-folders.js';
import { UserError } from '../failure/user-error.js';
import { localPathOf } from './inputs.js';
import { mayPass } from './patience.js';
import { MANIFESTS_AREA } from './result-manifest.js';

const PARALLEL = 12;

/** What it says is shown to the owner of the task: nothing is begun with a part of a snapshot, or with something else than was stored. */
const refused = ({ snapshotId }: Restore, why: string): UserError =>
  new UserError('FX-SNAPSHOT', `The instance cannot begin with the snapshot ${snapshotId}: ${why}`);

const manifestIn = (bytes: Buffer): SnapshotManifest | undefined => {
  try {
    return snapshotManifestSchema.safeParse(JSON.parse(bytes.toString('utf8'))).data;
  } catch {
    return undefined;
  }
};

const orGone =
  (restore: Restore, what: string) =>
  (error: unknown): never => {
    if (error instanceof S3Error && error.status === 404) throw refused(restore, `${what} is gone from the storage`);
    throw error;
  };

const manifestKeyOf = ({ taskId, manifest }: Restore): string => `${taskId}/${manifest}.json`;

/**
 * Brings something of a snapshot. A storage that answers, but cannot give this object whichever way it is asked, has it damaged: no other node would get it.
 * @throws UserError it is gone, or damaged @throws Error the storage is away, or this disk is full
 */
const whole = async <T>(
  { s3, restore, signal }: { readonly s3: S3Client; readonly restore: Restore; readonly signal: AbortSignal },
  what: string,
  bring: () => Promise<T>,
): Promise<T> => {
  const orRefused = (): Promise<T> => bring().catch(orGone(restore, what));
  const isStorages = (error: unknown): boolean => !signal.aborted && mayPass(error);
  try {
    return await orRefused();
  } catch (error) {
    if (!isStorages(error)) throw error;
    // Of a storage that is away, this says so.
    await s3.headObject(MANIFESTS_AREA, manifestKeyOf(restore), { signal });
  }
  // It may have come back only now.
  return orRefused().catch((error: unknown) => {
    throw isStorages(error) ? refused(restore, `${what} cannot be read, its file in the storage is damaged`) : error;
  });
};

/** @throws UserError it is gone, or is not what was stored */
const readManifest = async (s3: S3Client, restore: Restore, signal: AbortSignal): Promise<SnapshotManifest> => {
  const bytes = await whole({ s3, restore, signal }, 'its manifest', () =>
    s3.getBytes(MANIFESTS_AREA, manifestKeyOf(restore), { signal, length: MOST_SNAPSHOT_MANIFEST_BYTES }),
  );
  if (createHash('sha256').update(bytes).digest('hex') !== restore.manifest)
    throw refused(restore, 'its manifest was altered after it had been stored');
  const manifest = manifestIn(bytes);
  if (manifest?.snapshotId !== restore.snapshotId) throw refused(restore, 'its manifest cannot be read');
  return manifest;
};

const sha256Of = async (path: string): Promise<string> => {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
};

/** A place in the job that the platform may write to: no snapshot leads out of it. @throws UserError */
const placeIn = (jobDir: string, path: string, restore: Restore): string => {
  const local = localPathOf(path, undefined);
  if (local === undefined || local.endsWith('/')) throw refused(restore, `it has a file without a name: ${path}`);
  return join(jobDir, local);
};

interface WantedFile {
  readonly key: string;
  readonly path: string;
  readonly place: string;
  readonly signal: AbortSignal;
}

/** @throws UserError it is gone, or damaged @throws Error the storage is away, or this disk is full */
const bringFile = (s3: S3Client, restore: Restore, { key, path, place, signal }: WantedFile): Promise<void> =>
  whole({ s3, restore, signal }, path, () => s3.download(SNAPSHOTS_AREA, key, place, { signal }));

/** A link of a snapshot, as paths of the machine. */
interface PlacedLink {
  readonly place: string;
  readonly target: string;
}

/** Those that lie below another one are what that one leads to, and none is laid out through it: nothing says where it would come to lie. */
const outermost = (links: readonly PlacedLink[]): readonly PlacedLink[] => {
  const places = new Set(links.map(({ place }) => place));
  const isBelow = (place: string): boolean => {
    for (let above = dirname(place); above !== dirname(above); above = dirname(above))
      if (places.has(above)) return true;
    return false;
  };
  return links.filter(({ place }) => !isBelow(place));
};

/** Where a link leads is there: the link takes the place of what was stored under its name. */
const placeLink = async (folders: OwnFolders, { place, target }: PlacedLink): Promise<void> => {
  if (place === target || (await lstat(target).catch(() => undefined)) === undefined) return;
  await folders.make(dirname(place));
  await rm(place, { recursive: true, force: true });
  await symlink(relative(dirname(place), target), place);
};

/**
 * Lays out a part of a snapshot in a job that nothing runs in yet, with modes and links. What lies there already stays, unless the snapshot has it too.
 * @returns its manifest
 * @throws UserError it is gone, or something of it is not what was stored @throws S3Error
 */
export const restoreSnapshot = async (
  s3: S3Client,
  restore: Restore,
  { jobDir, instance, signal }: { readonly jobDir: string; readonly instance: number; readonly signal: AbortSignal },
): Promise<SnapshotManifest> => {
  const manifest = await readManifest(s3, restore, signal);
  const { bucket, folder, files, links } = manifest;
  if (manifest.instance !== instance || manifest.taskId !== restore.taskId)
    throw refused(restore, 'its manifest is that of another instance');
  const folders = new OwnFolders(jobDir);
  await eachLimited(files, PARALLEL, async ({ path, size, mode, sha256 }) => {
    const isEmptyFolder = isFolder({ path });
    const place = placeIn(jobDir, isEmptyFolder ? path.slice(0, -1) : path, restore);
    if (isEmptyFolder) {
      await folders.make(place);
      await chmod(place, mode & 0o777);
      return;
    }
    const key = snapshotFileKey({ ...restore, instance }, bucket, folder + path);
    await folders.make(dirname(place));
    // An input that lies there may be a second name of what the node keeps.
    await rm(place, { recursive: true, force: true });
    await bringFile(s3, restore, { key, path, place, signal });
    if ((await stat(place)).size !== size || (await sha256Of(place)) !== sha256)
      throw refused(restore, `${path} is not what was stored`);
    await chmod(place, mode & 0o777);
  });
  const placed = links.map(({ path, target }) => ({
    place: placeIn(jobDir, path, restore),
    target: placeIn(jobDir, target, restore),
  }));
  for (const link of outermost(placed)) await placeLink(folders, link);
  return manifest;
};
