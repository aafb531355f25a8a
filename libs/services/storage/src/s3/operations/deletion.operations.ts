import { type DeletionCondition, type ObjectStore, StoreRefusal } from '@fornax/object-store';
import { childNodes, childText, malformedXml, parseXml, s3Error, type XmlNode } from '@fornax/s3';
import { allow, authorize } from '../../access/authorize.js';
import { etagsOf } from '../conditions.js';
import { type Exchange, sendEmpty, sendXml, userOf } from '../exchange.js';
import { readBody } from '../payload.js';
import { isOwnVersion, NO_SUCH_VERSION } from '../version.js';
import { MAX_XML_BYTES } from './bucket.operations.js';
import { placeOf } from './object.operations.js';

const MAX_DELETE = 1000;
/** Conditional deletions of one request that are under way at once. */
const AT_ONCE = 8;

interface Condition {
  readonly etag: string | undefined;
  readonly size: string | undefined;
  readonly modified: string | undefined;
}

/**
 * What a deletion expects of its object; undefined where it says nothing.
 * @throws S3Error InvalidArgument for a size or a date that is none: nobody could tell whether it holds
 */
const conditionOf = ({ etag, size, modified }: Condition): DeletionCondition | undefined => {
  if (etag === undefined && size === undefined && modified === undefined) return undefined;
  const etags = etag === undefined ? undefined : etagsOf(etag);
  const modifiedAt = modified === undefined ? undefined : new Date(modified);
  if ((size !== undefined && !/^\d{1,15}$/.test(size)) || (modifiedAt && Number.isNaN(modifiedAt.getTime())))
    throw s3Error('InvalidArgument', 'A deletion expects a size in bytes, and a date.');
  return {
    ...(etags === undefined ? {} : { etags: etags.includes('*') ? ('*' as const) : etags }),
    ...(size === undefined ? {} : { sizeBytes: Number(size) }),
    ...(modifiedAt === undefined ? {} : { modifiedAt }),
  };
};

export const deleteObject = async (exchange: Exchange): Promise<void> => {
  if (exchange.principal.kind !== 'service') userOf(exchange);
  const { request, store } = exchange;
  const { bucket, key } = await authorize(exchange.buckets, exchange.principal, 'write', placeOf(exchange));
  const condition = conditionOf({
    etag: request.headers.get('if-match'),
    size: request.headers.get('x-amz-if-match-size'),
    modified: request.headers.get('x-amz-if-match-last-modified-time'),
  });
  if (condition) await store.deleteIf(bucket, key, condition);
  else await store.deleteMany(bucket, [key]);
  sendEmpty(exchange, 204);
};

interface Doomed {
  readonly key: string;
  readonly versionId: string | undefined;
  readonly condition: DeletionCondition | undefined;
}

const doomedOf = (node: XmlNode): Doomed => {
  const key = childText(node, 'Key');
  if (key === undefined || key === '' || key.includes('\0')) throw malformedXml();
  const [etag, size, modified] = ['ETag', 'Size', 'LastModifiedTime'].map((name) => childText(node, name)?.trim());
  return { key, versionId: childText(node, 'VersionId'), condition: conditionOf({ etag, size, modified }) };
};

/** Deletes those whose conditions hold. @returns the others */
const deleteConditionally = async (
  store: ObjectStore,
  bucket: string,
  doomed: readonly Doomed[],
): Promise<ReadonlySet<Doomed>> => {
  const spared = new Set<Doomed>();
  for (let at = 0; at < doomed.length; at += AT_ONCE)
    await Promise.all(
      doomed.slice(at, at + AT_ONCE).map(async (one) => {
        await store.deleteIf(bucket, one.key, one.condition ?? {}).catch((error: unknown) => {
          if (!(error instanceof StoreRefusal && error.problem === 'PreconditionFailed')) throw error;
          spared.add(one);
        });
      }),
    );
  return spared;
};

/** POST bucket?delete. A list without objects is answered too: clients send it for an empty folder. */
export const deleteObjects = async (exchange: Exchange): Promise<void> => {
  userOf(exchange);
  const { request, authenticated, buckets, principal, store } = exchange;
  const { confirm } = await allow(buckets, principal, 'write', { bucket: request.bucket, key: '' });
  exchange.expectBody();
  const document = parseXml(await readBody(request, authenticated, MAX_XML_BYTES), 'Delete');
  await confirm();
  const nodes = childNodes(document, 'Object');
  if (nodes.length > MAX_DELETE) throw malformedXml();
  const objects = nodes.map(doomedOf);
  const there = objects.filter(({ versionId }) => isOwnVersion(versionId));
  const plain = there.filter(({ condition }) => !condition);
  await store.deleteMany(
    request.bucket,
    plain.map(({ key }) => key),
  );
  const spared = await deleteConditionally(
    store,
    request.bucket,
    there.filter(({ condition }) => condition),
  );
  const isQuiet = childText(document, 'Quiet')?.trim().toLowerCase() === 'true';
  const gone = there.filter((one) => !spared.has(one));
  sendXml(exchange, 'DeleteResult', {
    Deleted: isQuiet ? [] : gone.map(({ key, versionId }) => ({ Key: key, VersionId: versionId })),
    Error: objects.flatMap((one) => {
      const { key, versionId } = one;
      if (!isOwnVersion(versionId))
        return [{ Key: key, VersionId: versionId, Code: 'NoSuchVersion', Message: NO_SUCH_VERSION }];
      const message = 'At least one of the pre-conditions you specified did not hold';
      return spared.has(one) ? [{ Key: key, VersionId: versionId, Code: 'PreconditionFailed', Message: message }] : [];
    }),
  });
};
