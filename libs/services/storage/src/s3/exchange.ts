import type { ServerResponse } from 'node:http';
import type { ObjectInfo, ObjectStore, Place } from '@fornax/object-store';
import { type XmlChildren, accessDenied, noSuchKey, s3Error, xmlDocument } from '@fornax/s3';
import type { Identities, Principal } from '../access/principal.js';
import type { Room, Taking } from '../buckets/quota-gate.js';
import { withoutFigures } from '../buckets/quota-exceeded.js';
import type { Payer } from '../model/holder.js';
import type { BucketPort } from '../model/bucket.js';
import type { SentBytes } from '../metering/meter-rows.js';
import { type Allowed, ownerOf } from '../access/authorize.js';
import type { Authenticated } from './authenticator.js';
import { type S3Request, headerOfText } from './s3-request.js';

/** A use of a link that reads as another account. Nothing in it opens anything. */
export interface ReadAsUse {
  /** Ids of accounts. */
  readonly reader: string;
  readonly account: string;
  readonly bucket: string;
  /** Of an object. */
  readonly key?: string;
  /** Of a list. */
  readonly prefix?: string;
  readonly operation: string;
  /** Of the answer; absent: who asked went away before it. */
  readonly status?: number;
  /** Whether all of the answer was sent. */
  readonly isWhole: boolean;
}

/** What the protocol stands on. */
export interface S3Parts {
  readonly store: ObjectStore;
  readonly buckets: BucketPort;
  readonly identities: Identities;
  /** @throws S3Error ServiceUnavailable while files and index do not belong together */
  readonly checkStore: () => void;
  /** @throws WritesStopped while nothing may be written, above all on a full disk */
  readonly checkWritable: (principal: Principal) => void;
  /** @throws S3Error AccessDenied for a lease that has ended, SlowDown when that cannot be known */
  readonly checkLease: (principal: Principal) => Promise<void>;
  /** Waits, bounded, until reads show everything that was committed before the call. */
  readonly catchUp: () => Promise<void>;
  /** Whether an object is a result that waits to be put in its place. */
  readonly isOnItsWay: (place: Place) => Promise<boolean>;
  /** Takes room for an upload in the quotas that it counts against. @throws S3Error QuotaExceeded */
  readonly takeRoom: (payer: Payer, taking: Taking) => Promise<Room>;
  /** Counts bytes of objects that were sent to people. */
  readonly sent: (sent: SentBytes) => void;
  readonly now: () => number;
  /** Host names of this endpoint, in front of which a bucket may stand. */
  readonly baseHosts: readonly string[];
  /** Runs a request in a span, measured. `operation` is one of few names; `parent` is the caller's W3C traceparent. */
  readonly observe: (
    facts: { readonly operation: string; readonly parent: string | undefined },
    run: () => Promise<void>,
  ) => Promise<void>;
  /** Told who has read as whom, once it was answered. */
  readonly onReadAs: (read: ReadAsUse) => void;
  /** Told about failures that are ours. */
  readonly onError: (
    error: unknown,
    request: { readonly method: string; readonly path: string; readonly requestId: string },
  ) => void;
}

/** One request on its way to an answer. */
export interface Exchange extends S3Parts {
  readonly request: S3Request;
  readonly response: ServerResponse;
  readonly authenticated: Authenticated;
  readonly principal: Principal;
  /** Says 100 Continue to a client that waits for it; called before the body is read. */
  readonly expectBody: () => void;
}

export const sendXml = ({ response }: Exchange, root: string, children: XmlChildren, status = 200): void => {
  const body = Buffer.from(xmlDocument(root, children));
  response.writeHead(status, { 'content-type': 'application/xml', 'content-length': body.byteLength }).end(body);
};

export const sendEmpty = (
  { response }: Exchange,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void => {
  response.writeHead(status, status === 204 || status === 304 ? headers : { 'content-length': 0, ...headers }).end();
};

export const quoted = (etag: string): string => `"${etag}"`;

/** The bytes that came go out again; a store may hold text that no header brought. */
const headerValue = (value: string): string => (/[^\0-\xff]/.test(value) ? headerOfText(value) : value);

export const objectHeaders = (info: ObjectInfo): Record<string, string> => {
  const { etag, modifiedAt, contentType, userMetadata, contentHeaders = {} } = info;
  const texts = [
    ['content-type', contentType] as const,
    ...Object.entries(contentHeaders),
    ...Object.entries(userMetadata).map(([name, value]) => [`x-amz-meta-${name}`, value] as const),
  ];
  return {
    etag: quoted(etag),
    'last-modified': modifiedAt.toUTCString(),
    'accept-ranges': 'bytes',
    ...Object.fromEntries(texts.map(([name, value]) => [name, headerValue(value)])),
  };
};

/** Buckets, listings of them, copies and deletions are for users alone. */
export const userOf = ({ principal }: Exchange): Extract<Principal, { kind: 'user' }> => {
  if (principal.kind !== 'user') throw accessDenied();
  return principal;
};

/**
 * Looks for an object, and again after catching up with the log when the first look found nothing.
 * @param asked the object as the client names it
 * @throws S3Error NoSuchKey, SlowDown for a result whose instance has ended and which the store has not put in its place yet
 */
export const findObject = async <T>(
  { catchUp, isOnItsWay }: Exchange,
  asked: Place,
  look: () => Promise<T | undefined>,
): Promise<T> => {
  const found = await look();
  if (found !== undefined) return found;
  await catchUp();
  // Asked before the second look: it may come to its place in between.
  const isLate = await isOnItsWay(asked);
  const there = await look();
  if (there !== undefined) return there;
  if (isLate) throw s3Error('SlowDown', 'The result is still being put in its place: please try again.');
  throw noSuchKey(asked.key);
};

const takeRoom = ({ principal, ...parts }: Exchange, payer: Payer, taking: Taking): Promise<Room> =>
  parts.takeRoom(payer, taking).catch((error: unknown) => {
    throw payer.owner === ownerOf(principal) ? error : withoutFigures(error);
  });

/** Room for an object at a place, and so many bytes. */
export const forObject = ({ store }: Exchange, { bucket, key }: Place, bytes: number): Taking => ({
  amounts: { bytes, objects: 1 },
  isReplacing: async () => (await store.head(bucket, key)) !== undefined,
});

/**
 * Stores something in the room that the payer's quotas have for it, which is taken until it is stored or has failed. What the platform itself stores
 * counts against nobody's.
 * @throws S3Error QuotaExceeded
 */
export const inRoom = async <T>(
  exchange: Exchange,
  { payer }: Pick<Allowed, 'payer'>,
  taking: Taking,
  store: () => Promise<T>,
): Promise<T> => {
  if (payer === undefined) return store();
  const room = await takeRoom(exchange, payer, taking);
  try {
    const stored = await store();
    room.stored();
    return stored;
  } finally {
    room.release();
  }
};
