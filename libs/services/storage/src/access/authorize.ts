import { inputManifestName, type LeaseClaims, type ServiceClaims } from '@fornax/contracts';
import type { ByteSource, Place } from '@fornax/object-store';
import { accessDenied, noSuchBucket, noSuchKey, s3Error, type S3Error } from '@fornax/s3';
import {
  MANIFESTS_BUCKET,
  SERVICE_AREAS,
  SNAPSHOTS_BUCKET,
  manifestKey,
  STAGING_BUCKET,
  isBucketName,
  snapshotPartPrefix,
  stagedLeasePrefix,
  taskOfSnapshotKey,
} from '../model/bucket-names.js';
import type { Bucket, BucketPort } from '../model/bucket.js';
import type { Payer } from '../model/holder.js';
import { allows, type BucketAccess } from '../model/bucket-access.js';
import type { Principal } from './principal.js';

export type Access = 'read' | 'write';

interface Claim {
  readonly bucket: string;
  readonly prefix?: string | null | undefined;
}

const covers = (claim: Claim | null, { bucket, key }: Place): boolean =>
  claim !== null && claim.bucket === bucket && key.startsWith(claim.prefix ?? '');

/** Where the instance of a lease has, in a snapshot of its task, what is to be at a place. */
export const placeInSnapshot = (
  { taskId, instance }: LeaseClaims,
  snapshotId: string,
  { bucket, key }: Place,
): Place => ({
  bucket: SNAPSHOTS_BUCKET,
  key: `${snapshotPartPrefix(taskId, snapshotId, instance)}${bucket}/${key}`,
});

/** Whether it is of the snapshot that the instance of a lease begins with. */
const isRestored = ({ restore, instance }: LeaseClaims, key: string): boolean =>
  restore !== undefined && key.startsWith(snapshotPartPrefix(restore.taskId, restore.snapshotId, instance));

/** Where a lease may do something with an object; undefined when it may not. `place.key` may be the prefix of a listing. */
export const placeForLease = (
  claims: LeaseClaims,
  access: Access,
  place: Place,
): (Place & { readonly isStaged: boolean }) | undefined => {
  if (access === 'read')
    return claims.read.some((claim) => covers(claim, place)) ? { ...place, isStaged: false } : undefined;
  if (place.key === '') return undefined;
  if (covers(claims.results, place)) {
    const key = `${stagedLeasePrefix(claims.taskId, claims.leaseId)}${place.bucket}/${place.key}`;
    return { bucket: STAGING_BUCKET, key, isStaged: true };
  }
  if (!covers(claims.snapshot, place)) return undefined;
  const id = claims.snapshot?.id;
  return id === undefined ? { ...place, isStaged: false } : { ...placeInSnapshot(claims, id, place), isStaged: true };
};

/** Where a service may do something with an object of its area; undefined outside of it. */
const placeForService = (claims: ServiceClaims, access: Access, place: Place): Place | undefined => {
  const area = SERVICE_AREAS[claims.area];
  if (area.isReadOnly && access !== 'read') return undefined;
  return place.bucket === area.wireName && place.key !== '' ? { bucket: area.bucket, key: place.key } : undefined;
};

/** The account that a request is made for; undefined for the platform itself. */
export const ownerOf = (principal: Principal): string | undefined => {
  switch (principal.kind) {
    case 'user':
      return principal.account;
    case 'lease':
      return principal.claims.owner;
    case 'service':
      return undefined;
  }
};

type Manifest = NonNullable<ReturnType<typeof manifestKey>>;

/** A lease writes lists of its own task, of results and snapshots where it has any, of inputs where it has any; it reads the list of inputs that it is pinned to, and that of the snapshot that it begins with. */
const mayHaveManifest = (claims: LeaseClaims, access: Access, { taskId, name, ofInputs }: Manifest): boolean => {
  const { restore } = claims;
  if (access === 'read' && restore?.taskId === taskId && name === `${restore.manifest}.json`) return true;
  if (claims.taskId !== taskId) return false;
  if (access === 'read') return claims.pin !== undefined && name === inputManifestName(claims.pin);
  return ofInputs ? claims.read.length > 0 : claims.results !== null || claims.snapshot?.id !== undefined;
};

/** The manifest that a lease writes of its own task, or that the task's owner reads. @throws S3Error NoSuchKey, AccessDenied */
const placeOfManifest = (
  principal: Exclude<Principal, { readonly kind: 'service' }>,
  access: Access,
  wanted: string,
): Place & { readonly ofInputs: boolean } => {
  const found = manifestKey(principal.kind === 'user' ? principal.account : principal.claims.owner, wanted);
  if (principal.kind === 'user' && access === 'read' && !found) throw noSuchKey(wanted);
  const mayHave =
    principal.kind === 'user' ? access === 'read' : found && mayHaveManifest(principal.claims, access, found);
  if (!found || !mayHave) throw accessDenied();
  return { bucket: MANIFESTS_BUCKET, key: found.key, ofInputs: found.ofInputs };
};

/**
 * An instance reads the snapshot that it begins with, where that is of a task of its own owner, whatever its lease says; a user those of the own tasks.
 * @throws S3Error NoSuchKey the task of the snapshot that an instance begins with is gone
 */
const mayReadSnapshot = async (
  buckets: BucketPort,
  principal: Exclude<Principal, { readonly kind: 'service' }>,
  key: string,
): Promise<boolean> => {
  if (principal.kind === 'lease' && !isRestored(principal.claims, key)) return false;
  const of = await buckets.ownerOfTask(taskOfSnapshotKey(key));
  if (!of && principal.kind === 'lease') throw noSuchKey(key);
  return of?.owner === ownerOf(principal);
};

/** What a request may do. */
export interface Allowed {
  /** Where the principal's object lies in the store: in its bucket, or for what a lease writes as results, in its staging area. */
  readonly place: Place;
  /** Whose quotas it counts against: those of the bucket, whoever stores, of a file of a snapshot those of its task; undefined for what the platform itself stores. */
  readonly payer: Payer | undefined;
  /**
   * Looks whether the bucket is still the one that it was allowed for, and still shared. A body may take hours, and its bucket may have been given up
   * meanwhile, and its name be somebody else's.
   * @throws S3Error NoSuchBucket, AccessDenied
   */
  readonly confirm: () => Promise<void>;
}

const always = async (): Promise<void> => undefined;

const resultsAreGone = (bucket: string): S3Error =>
  s3Error(
    'InvalidBucketState',
    `The bucket ${bucket} was deleted, or is shared no more, after files had been stored for it.`,
  );

const sharedNoMore = (bucket: string): S3Error =>
  s3Error(
    'InvalidBucketState',
    `The bucket ${bucket} is somebody else's, and not shared with the owner of the task as it has to be.`,
  );

/**
 * Tells whether instances of an account may do so much with a bucket, above all leave something in it. Its name may be another bucket's than it was at
 * submission, and whoever has made that one and shares it for writing would read what comes: so it is judged each time as a submission judges it.
 */
const mayLease = (buckets: BucketPort, account: string, wanted: BucketAccess, bucket: Bucket): boolean =>
  allows(buckets.accessOf(account, bucket), wanted) && (wanted === 'read' || buckets.servesFor(account, bucket));

/**
 * Looks whether what a lease has stored as results, or of a snapshot, is still there: it goes with its bucket, also when another one has its name since. A
 * list of files that are gone would say that they are stored.
 * @throws S3Error InvalidBucketState
 */
const resultsAreThere = async (
  buckets: BucketPort,
  principal: Extract<Principal, { readonly kind: 'lease' }>,
): Promise<void> => {
  const { results, snapshot, leaseId, owner } = principal.claims;
  const target = results ?? snapshot;
  if (!target) return;
  const bucket = await buckets.find(target.bucket);
  if (!bucket || !mayLease(buckets, owner, 'write', bucket)) throw resultsAreGone(target.bucket);
  const lost = await buckets.lostResultsOf(results ? leaseId : (snapshot?.id ?? leaseId));
  if (lost !== undefined) throw resultsAreGone(lost);
};

/**
 * Allows a request what it asks for, as things are now; one that waits for its body confirms it afterwards.
 * @throws S3Error AccessDenied, NoSuchBucket
 */
export const allow = async (
  buckets: BucketPort,
  principal: Principal,
  access: Access,
  place: Place,
): Promise<Allowed> => {
  if (principal.kind === 'service') {
    const own = placeForService(principal.claims, access, place);
    if (!own) throw accessDenied();
    return { place: own, payer: undefined, confirm: always };
  }
  if (place.bucket === MANIFESTS_BUCKET) {
    const { ofInputs, ...manifest } = placeOfManifest(principal, access, place.key);
    const confirm = principal.kind === 'lease' && !ofInputs ? () => resultsAreThere(buckets, principal) : always;
    await confirm();
    const owner = principal.kind === 'user' ? principal.account : principal.claims.owner;
    return { place: manifest, payer: { owner, projectId: undefined, isCounted: false }, confirm };
  }
  if (place.bucket === SNAPSHOTS_BUCKET) {
    if (access !== 'read' || !(await mayReadSnapshot(buckets, principal, place.key))) throw accessDenied();
    return { place, payer: undefined, confirm: always };
  }
  const allowed =
    principal.kind === 'user' ? { ...place, isStaged: false } : placeForLease(principal.claims, access, place);
  if (!allowed) throw accessDenied();
  // Of results, too: once the instance has ended nobody is left to tell. A name that was given up may be somebody else's by now.
  const bucket = await reachBucket(buckets, principal, access, place.bucket);
  const confirm = async (): Promise<void> => {
    const now = await reachBucket(buckets, principal, access, place.bucket);
    if (now.createdAt.getTime() !== bucket.createdAt.getTime()) throw noSuchBucket(place.bucket);
  };
  const isKept = principal.kind === 'lease' && allowed.bucket === SNAPSHOTS_BUCKET;
  const payer = isKept ? await taskPayer(buckets, principal.claims) : bucketPayer(bucket);
  return { place: allowed.isStaged ? { bucket: allowed.bucket, key: allowed.key } : place, payer, confirm };
};

const bucketPayer = ({ owner, projectId }: Bucket): Payer => ({
  owner,
  projectId: projectId ?? owner,
  isCounted: true,
});

/** A file of a snapshot stays when its bucket goes, and nobody but the owner of the task reads it. */
const taskPayer = async (buckets: BucketPort, { taskId, owner }: LeaseClaims): Promise<Payer> => {
  const task = await buckets.ownerOfTask(taskId);
  return { owner, projectId: task?.projectId ?? owner, isCounted: true };
};

/**
 * Allows a lease to write several objects of one bucket, all or none.
 * @param keys at least one
 * @returns what `allow` says of each, with their places in the order of the keys
 * @throws S3Error AccessDenied, NoSuchBucket
 */
export const allowAll = async (
  buckets: BucketPort,
  principal: Extract<Principal, { readonly kind: 'lease' }>,
  bucket: string,
  keys: readonly string[],
): Promise<Omit<Allowed, 'place'> & { readonly places: readonly Place[] }> => {
  const places = keys.map((key) => placeForLease(principal.claims, 'write', { bucket, key }));
  const allowed = places.filter((place) => place !== undefined);
  if (allowed.length < places.length) throw accessDenied();
  const { payer, confirm } = await allow(buckets, principal, 'write', { bucket, key: keys[0] ?? '' });
  return { payer, confirm, places: allowed.map(({ bucket: to, key }) => ({ bucket: to, key })) };
};

/** Whose quotas count what a lease lays out to be published in a bucket. @throws S3Error NoSuchBucket, InvalidBucketState */
export const payerOfBucket = async (
  buckets: BucketPort,
  principal: Extract<Principal, { readonly kind: 'lease' }>,
  name: string,
): Promise<Payer> => bucketPayer(await reachBucket(buckets, principal, 'write', name));

/** The place of a request that `allow` allows. @throws S3Error AccessDenied, NoSuchBucket */
export const authorize = async (...request: Parameters<typeof allow>): Promise<Place> =>
  (await allow(...request)).place;

/** Bytes that are whole only if the bucket that they are for is still there when the last one has come (see `Allowed`). */
export async function* confirmed(
  source: ByteSource,
  { confirm }: Pick<Allowed, 'confirm'>,
): AsyncGenerator<Uint8Array> {
  yield* source;
  await confirm();
}

/**
 * The bucket, where the principal's account may do so much with it: as its owner, or by a grant that holds now; instances store within an organization only.
 * @throws S3Error NoSuchBucket, AccessDenied, for a lease InvalidBucketState
 */
export const reachBucket = async (
  buckets: BucketPort,
  principal: Principal,
  wanted: BucketAccess,
  name: string,
): Promise<Bucket> => {
  const bucket = isBucketName(name) ? await buckets.find(name) : undefined;
  if (!bucket) throw noSuchBucket(name);
  if (principal.kind === 'lease') {
    // Said in a code of its own: that a lease is denied something may also be the platform's fault, and this is what its user has to see to.
    const { owner } = principal.claims;
    if (!mayLease(buckets, owner, wanted, bucket)) throw sharedNoMore(name);
  } else if (!allows(buckets.accessOf(ownerOf(principal), bucket), wanted)) throw accessDenied();
  const reader = principal.kind === 'user' ? principal.readBy : undefined;
  if (reader !== undefined && (wanted !== 'read' || !buckets.isSeenBy(reader, bucket))) throw accessDenied();
  return bucket;
};
