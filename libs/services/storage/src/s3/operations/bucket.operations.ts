import { accessDenied, parseXml, s3Error, type S3ErrorCode } from '@fornax/s3';
import { reachBucket } from '../../access/authorize.js';
import type { BucketAccess } from '../../model/bucket-access.js';
import { queryValue } from '../s3-request.js';
import { type Exchange, sendEmpty, sendXml, userOf } from '../exchange.js';
import { readBody } from '../payload.js';

/** Largest XML body of a request but one. */
export const MAX_XML_BYTES = 1024 * 1024;

const ownerElement = (account: string, email: string) => ({ ID: account, DisplayName: email });

/** Clients tell a user from a group by the type. */
const GRANTEE = 'Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"';

const MAX_BUCKETS = 10_000;

/** GET of the service: all buckets of the caller, or a page of those with a prefix. The token is the last name that was shown. */
export const listBuckets = async (exchange: Exchange): Promise<void> => {
  const { account, email } = userOf(exchange);
  const { request } = exchange;
  const most = queryValue(request, 'max-buckets') ?? String(MAX_BUCKETS);
  if (!/^[1-9]\d{0,4}$/.test(most) || Number(most) > MAX_BUCKETS)
    throw s3Error('InvalidArgument', `max-buckets must be from 1 to ${MAX_BUCKETS}.`, { ArgumentName: 'max-buckets' });
  const prefix = queryValue(request, 'prefix') ?? '';
  const after = queryValue(request, 'continuation-token') ?? '';
  await exchange.catchUp();
  const owned = await exchange.buckets.ownedBy(account);
  const wanted = owned
    .filter(({ name }) => name.startsWith(prefix) && name > after)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const buckets = wanted.slice(0, Number(most));
  sendXml(exchange, 'ListAllMyBucketsResult', {
    Owner: ownerElement(account, email),
    Prefix: prefix === '' ? undefined : prefix,
    ContinuationToken: buckets.length < wanted.length ? buckets.at(-1)?.name : undefined,
    Buckets: { Bucket: buckets.map(({ name, createdAt }) => ({ Name: name, CreationDate: createdAt.toISOString() })) },
  });
};

/** Any location is accepted: there is one. */
export const createBucket = async (exchange: Exchange): Promise<void> => {
  const { account } = userOf(exchange);
  exchange.expectBody();
  const body = await readBody(exchange.request, exchange.authenticated, MAX_XML_BYTES);
  if (body !== '') parseXml(body, 'CreateBucketConfiguration');
  const { bucket } = exchange.request;
  await exchange.buckets.create(account, bucket);
  sendEmpty(exchange, 200, { location: `/${bucket}` });
};

export const deleteBucket = async (exchange: Exchange): Promise<void> => {
  const { account } = userOf(exchange);
  await exchange.catchUp();
  await reachBucket(exchange.buckets, exchange.principal, 'own', exchange.request.bucket);
  await exchange.buckets.remove(account, exchange.request.bucket);
  sendEmpty(exchange, 204);
};

/** A lease may look at a bucket that it reads from. */
const checkBucket = async (exchange: Exchange, wanted: BucketAccess = 'read'): Promise<void> => {
  const { buckets, principal, request, catchUp } = exchange;
  if (principal.kind === 'lease' && !principal.claims.read.some(({ bucket }) => bucket === request.bucket))
    throw accessDenied();
  await catchUp();
  await reachBucket(buckets, principal, wanted, request.bucket);
};

/** The counts are those of Ceph's RGW, which the platform's clients read. */
export const headBucket = async (exchange: Exchange): Promise<void> => {
  await checkBucket(exchange);
  const { objects, bytes } = await exchange.store.usage(exchange.request.bucket);
  sendEmpty(exchange, 200, {
    'x-rgw-object-count': String(objects),
    'x-rgw-bytes-used': String(bytes),
    'x-amz-bucket-region': 'us-east-1',
  });
};

export const bucketLocation = async (exchange: Exchange): Promise<void> => {
  await checkBucket(exchange);
  sendXml(exchange, 'LocationConstraint', {});
};

export const bucketVersioning = async (exchange: Exchange): Promise<void> => {
  await checkBucket(exchange);
  sendXml(exchange, 'VersioningConfiguration', {});
};

export const accessControl = async (exchange: Exchange): Promise<void> => {
  const { account, email } = userOf(exchange);
  await checkBucket(exchange, 'own');
  sendXml(exchange, 'AccessControlPolicy', {
    Owner: ownerElement(account, email),
    AccessControlList: { Grant: { [GRANTEE]: ownerElement(account, email), Permission: 'FULL_CONTROL' } },
  });
};

/** A configuration that no bucket here has. */
export const noConfiguration =
  (code: S3ErrorCode) =>
  async (exchange: Exchange): Promise<void> => {
    userOf(exchange);
    await checkBucket(exchange);
    throw s3Error(code, 'There is no such configuration.', { BucketName: exchange.request.bucket });
  };
