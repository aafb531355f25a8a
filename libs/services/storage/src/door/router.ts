import { FILE_BUNDLE_QUERY, FILE_COPIES_QUERY } from '@fornax/contracts';
import { accessDenied, type S3Error, s3Error } from '@fornax/s3';
import type { Exchange } from '../s3/exchange.js';
import {
  accessControl,
  bucketLocation,
  bucketVersioning,
  createBucket,
  deleteBucket,
  headBucket,
  listBuckets,
  noConfiguration,
} from '../s3/operations/bucket.operations.js';
import { copyFiles } from '../s3/operations/copies.operation.js';
import { storeFiles } from '../s3/operations/bundle.operation.js';
import { listObjectsV1, listObjectsV2, listUploads, listVersions } from '../s3/operations/listing.operations.js';
import {
  abortUpload,
  completeUpload,
  copyPart,
  createUpload,
  listParts,
  putPart,
} from '../s3/operations/multipart.operations.js';
import { deleteObject, deleteObjects } from '../s3/operations/deletion.operations.js';
import { copyObject, getObject, noTags, putObject } from '../s3/operations/object.operations.js';
import { objectAttributes } from '../s3/operations/attributes.operation.js';
import { type S3Request, queryValue } from '../s3/s3-request.js';
import { checkVersion } from '../s3/version.js';
import type { Principal } from '../access/principal.js';
import { READ_AS_QUERY } from '../access/read-as.js';
import { PAGE_ORIGIN_QUERY } from './page-origin.js';

export type Operation = (exchange: Exchange) => Promise<void>;

/** One thing that this endpoint does: how it is asked for, and which query names it takes. Whatever else a query holds makes it another request. */
interface Offer {
  readonly on: 'service' | 'bucket' | 'object';
  readonly method: string;
  /** The query name that asks for it; undefined: the plain operation. */
  readonly asks?: string;
  readonly takes: readonly string[];
  readonly run: Operation;
}

const listObjects: Operation = (exchange) =>
  queryValue(exchange.request, 'list-type') === '2' ? listObjectsV2(exchange) : listObjectsV1(exchange);
const storeObject: Operation = (exchange) =>
  exchange.request.headers.has('x-amz-copy-source') ? copyObject(exchange) : putObject(exchange);
const storePart: Operation = (exchange) =>
  exchange.request.headers.has('x-amz-copy-source') ? copyPart(exchange) : putPart(exchange);

const LISTING = ['delimiter', 'encoding-type', 'prefix'];
const VERSION = ['versionId'];
const ANSWER = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
];
const READING = [...VERSION, 'partNumber', ...ANSWER.map((name) => `response-${name}`)];

const onBucket = (method: string, asks: string, run: Operation, takes: readonly string[] = []): Offer => ({
  on: 'bucket',
  method,
  asks,
  takes,
  run,
});
const onObject = (method: string, asks: string, run: Operation, takes: readonly string[] = []): Offer => ({
  ...onBucket(method, asks, run, takes),
  on: 'object',
});

/** All that somebody may do who reads as another account. */
const READS: ReadonlySet<Operation> = new Set([listObjects, getObject]);

/** @throws S3Error AccessDenied for anything but a list or an object, to who reads as another account */
export const checkReads = (operation: Operation, principal: Principal): void => {
  if (principal.kind === 'user' && principal.readBy !== undefined && !READS.has(operation))
    throw accessDenied('A link that reads as another account lists and reads objects, and nothing else');
};

/** Everything that this endpoint offers. An allow-list: what S3 learns later is refused until it stands here. */
const OFFERS: readonly Offer[] = [
  {
    on: 'service',
    method: 'GET',
    takes: ['continuation-token', 'max-buckets', 'prefix'],
    run: listBuckets,
  },

  {
    on: 'bucket',
    method: 'GET',
    takes: [...LISTING, 'continuation-token', 'fetch-owner', 'list-type', 'marker', 'max-keys', 'start-after'],
    run: listObjects,
  },
  { on: 'bucket', method: 'HEAD', takes: [], run: headBucket },
  { on: 'bucket', method: 'PUT', takes: [], run: createBucket },
  { on: 'bucket', method: 'DELETE', takes: [], run: deleteBucket },
  onBucket('GET', 'acl', accessControl),
  onBucket('GET', 'cors', noConfiguration('NoSuchCORSConfiguration')),
  onBucket('GET', 'encryption', noConfiguration('ServerSideEncryptionConfigurationNotFoundError')),
  onBucket('GET', 'lifecycle', noConfiguration('NoSuchLifecycleConfiguration')),
  onBucket('GET', 'location', bucketLocation),
  onBucket('GET', 'policy', noConfiguration('NoSuchBucketPolicy')),
  onBucket('GET', 'tagging', noConfiguration('NoSuchTagSet')),
  onBucket('GET', 'uploads', listUploads, [...LISTING, 'key-marker', 'max-uploads', 'upload-id-marker']),
  onBucket('GET', 'versioning', bucketVersioning),
  onBucket('GET', 'versions', listVersions, [...LISTING, 'key-marker', 'max-keys', 'version-id-marker']),
  onBucket('POST', 'delete', deleteObjects),
  onBucket('POST', FILE_BUNDLE_QUERY, storeFiles),
  onBucket('POST', FILE_COPIES_QUERY, copyFiles),

  { on: 'object', method: 'GET', takes: READING, run: getObject },
  { on: 'object', method: 'HEAD', takes: READING, run: getObject },
  { on: 'object', method: 'PUT', takes: [], run: storeObject },
  { on: 'object', method: 'DELETE', takes: VERSION, run: deleteObject },
  onObject('GET', 'acl', accessControl, VERSION),
  onObject('GET', 'attributes', objectAttributes, VERSION),
  onObject('GET', 'tagging', noTags, VERSION),
  onObject('POST', 'uploads', createUpload),
  onObject('PUT', 'uploadId', storePart, ['partNumber']),
  onObject('POST', 'uploadId', completeUpload),
  onObject('DELETE', 'uploadId', abortUpload),
  onObject('GET', 'uploadId', listParts, ['encoding-type', 'max-parts', 'part-number-marker']),
];

/** Names that belong to the signature, or to the client's own bookkeeping; those of headers that a presigned URL carries were taken out before. */
const OF_ANY_REQUEST: ReadonlySet<string> = new Set([
  'AWSAccessKeyId',
  'Expires',
  'Signature',
  'X-Amz-Algorithm',
  'X-Amz-Content-Sha256',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-Security-Token',
  'X-Amz-Signature',
  'X-Amz-SignedHeaders',
  PAGE_ORIGIN_QUERY,
  READ_AS_QUERY,
  'x-amz-content-sha256',
  'x-id',
]);

/** The operation's name for traces and metrics. */
export const operationName = (operation: Operation, { method, bucket, key }: S3Request): string =>
  operation.name === '' ? `${method} ${key !== '' ? 'object' : bucket !== '' ? 'bucket' : 'service'}` : operation.name;

const notImplemented = (name: string): S3Error =>
  s3Error(
    'NotImplemented',
    `A request with the parameter ${JSON.stringify(name)} asks for something that is not implemented.`,
  );

/**
 * Refuses uploads by the form of a browser, whose signature is in their body: asked before anything is authenticated, which would call them unsigned.
 * @throws S3Error NotImplemented
 */
export const refuseForms = ({ method, bucket, key, headers }: S3Request): void => {
  const isForm = headers.get('content-type')?.toLowerCase().startsWith('multipart/form-data') === true;
  if (isForm && method === 'POST' && bucket !== '' && key === '' && !headers.has('authorization'))
    throw s3Error('NotImplemented', 'Uploads by the form of a browser are not implemented. Use a presigned PUT.');
};

/**
 * Finds what a request asks for.
 * @throws S3Error NotImplemented for a query name that the operation does not take, and MethodNotAllowed for a method that is none here
 */
export const operationOf = (request: S3Request): Operation => {
  const { method, bucket, key } = request;
  const on = bucket === '' ? 'service' : key === '' ? 'bucket' : 'object';
  const names = request.query.map(([name]) => name).filter((name) => !OF_ANY_REQUEST.has(name));
  const here = OFFERS.filter((offer) => offer.on === on && offer.method === method);
  const offer =
    here.find(({ asks }) => asks !== undefined && names.includes(asks)) ?? here.find(({ asks }) => asks === undefined);
  const other = names.find((name) => name !== offer?.asks && offer?.takes.includes(name) !== true);
  if (other !== undefined) throw notImplemented(other.slice(0, 100));
  if (!offer) throw s3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.');
  checkVersion(queryValue(request, 'versionId'));
  return offer.run;
};
