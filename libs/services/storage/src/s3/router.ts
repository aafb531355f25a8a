import { s3Error } from '@fornax/s3';
import type { Exchange } from './exchange.js';
import {
  accessControl,
  bucketLocation,
  bucketVersioning,
  createBucket,
  deleteBucket,
  headBucket,
  listBuckets,
  noConfiguration,
} from './operations/bucket.operations.js';
import { listObjectsV1, listObjectsV2, listUploads, listVersions } from './operations/listing.operations.js';
import {
  abortUpload,
  completeUpload,
  copyPart,
  createUpload,
  listParts,
  putPart,
} from './operations/multipart.operations.js';
import { copyObject, deleteObject, deleteObjects, getObject, putObject } from './operations/object.operations.js';
import { type S3Request, hasQuery, queryValue } from './s3-request.js';

export type Operation = (exchange: Exchange) => Promise<void>;

/** Query names that make a request one about something else than the bucket or object itself; none of these is offered but those below. */
const SUBRESOURCES = [
  'accelerate',
  'acl',
  'analytics',
  'attributes',
  'cors',
  'delete',
  'encryption',
  'intelligent-tiering',
  'inventory',
  'legal-hold',
  'lifecycle',
  'location',
  'logging',
  'metrics',
  'notification',
  'object-lock',
  'ownershipControls',
  'policy',
  'policyStatus',
  'publicAccessBlock',
  'replication',
  'requestPayment',
  'restore',
  'retention',
  'select',
  'tagging',
  'torrent',
  'uploads',
  'uploadId',
  'versioning',
  'versions',
  'website',
];

const BUCKET_SUBRESOURCES: ReadonlyMap<string, Operation> = new Map([
  ['GET acl', accessControl],
  ['GET cors', noConfiguration('NoSuchCORSConfiguration')],
  ['GET encryption', noConfiguration('ServerSideEncryptionConfigurationNotFoundError')],
  ['GET lifecycle', noConfiguration('NoSuchLifecycleConfiguration')],
  ['GET location', bucketLocation],
  ['GET policy', noConfiguration('NoSuchBucketPolicy')],
  ['GET tagging', noConfiguration('NoSuchTagSet')],
  ['GET uploads', listUploads],
  ['GET versioning', bucketVersioning],
  ['GET versions', listVersions],
  ['POST delete', deleteObjects],
]);

const OBJECT_SUBRESOURCES: ReadonlyMap<string, Operation> = new Map([
  ['GET acl', accessControl],
  ['POST uploads', createUpload],
  ['PUT uploadId', putPart],
  ['POST uploadId', completeUpload],
  ['DELETE uploadId', abortUpload],
  ['GET uploadId', listParts],
]);

const listObjects: Operation = (exchange) =>
  queryValue(exchange.request, 'list-type') === '2' ? listObjectsV2(exchange) : listObjectsV1(exchange);
const storeObject: Operation = (exchange) =>
  exchange.request.headers.has('x-amz-copy-source') ? copyObject(exchange) : putObject(exchange);

const BUCKET: ReadonlyMap<string, Operation> = new Map([
  ['GET', listObjects],
  ['HEAD', headBucket],
  ['PUT', createBucket],
  ['DELETE', deleteBucket],
]);

const OBJECT: ReadonlyMap<string, Operation> = new Map([
  ['GET', getObject],
  ['HEAD', getObject],
  ['PUT', storeObject],
  ['DELETE', deleteObject],
]);

/** The operation's name for traces and metrics. */
export const operationName = (operation: Operation, { method, bucket, key }: S3Request): string =>
  operation.name === '' ? `${method} ${key !== '' ? 'object' : bucket !== '' ? 'bucket' : 'service'}` : operation.name;

/** @throws S3Error MethodNotAllowed for what this endpoint does not offer */
export const operationOf = (request: S3Request): Operation => {
  const { method, bucket, key } = request;
  const subresource = SUBRESOURCES.find((name) => hasQuery(request, name));
  const isCopiedPart = subresource === 'uploadId' && method === 'PUT' && request.headers.has('x-amz-copy-source');
  const found =
    bucket === ''
      ? method === 'GET'
        ? listBuckets
        : undefined
      : isCopiedPart
        ? copyPart
        : subresource !== undefined
          ? (key === '' ? BUCKET_SUBRESOURCES : OBJECT_SUBRESOURCES).get(`${method} ${subresource}`)
          : (key === '' ? BUCKET : OBJECT).get(method);
  if (!found) throw s3Error('MethodNotAllowed', 'The specified method is not allowed against this resource.');
  return found;
};
