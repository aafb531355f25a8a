import {
  decodeCopies,
  FILE_COPIES_QUERY,
  type FileCopies,
  type LeaseClaims,
  MAX_COPIES_BYTES,
} from '@fornax/contracts';
import { type ObjectInfo, type Place, StoreRefusal } from '@fornax/object-store';
import { accessDenied, s3Error } from '@fornax/s3';
import { allowAll, payerOfBucket, placeInSnapshot } from '../../access/authorize.js';
import { snapshotPrefix, STAGING_BUCKET } from '../../model/bucket-names.js';
import { type Exchange, inRoom, sendXml } from '../exchange.js';
import { readBytes } from '../payload.js';

const AT_ONCE = 32;

interface Copy {
  readonly at: number;
  readonly from: Place;
  readonly to: Place;
  readonly mode: string;
}

/** Where each file comes from and goes to. @throws S3Error AccessDenied */
const copiesOf = (
  claims: LeaseClaims,
  bucket: string,
  { of, files }: FileCopies,
  taken: readonly Place[],
): readonly Copy[] => {
  const { id, before } = claims.snapshot ?? {};
  if (id === undefined || (of === 'before' && before === undefined)) throw accessDenied();
  return files.map(({ key, mode }, at) => {
    const place = taken[at];
    if (!place) throw new RangeError('a file without a place');
    if (of === 'before' && before !== undefined)
      return { at, mode, from: placeInSnapshot(claims, before, { bucket, key }), to: place };
    const to = { bucket: STAGING_BUCKET, key: `${snapshotPrefix(claims.taskId, id)}${bucket}/${key}` };
    return { at, mode, from: place, to };
  });
};

const inTurns = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> => {
  const done: R[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE)
    done.push(...(await Promise.all(items.slice(from, from + AT_ONCE).map(work))));
  return done;
};

/**
 * POST bucket?fornax-copies: files of a snapshot are copied inside the store, from the snapshot before or to where they are published from; nobody but the
 * snapshot's lease is offered it. The answer names the files, by their place in the list, that are not there to be copied. Safe to repeat.
 */
export const copyFiles = async (exchange: Exchange): Promise<void> => {
  const { request, authenticated, principal, store } = exchange;
  if (principal.kind !== 'lease')
    throw s3Error('NotImplemented', `A request with the parameter "${FILE_COPIES_QUERY}" is for nodes alone.`);
  exchange.checkWritable(principal);
  exchange.expectBody();
  const wanted = decodeCopies(await readBytes(request, authenticated, MAX_COPIES_BYTES));
  if (!wanted) throw s3Error('InvalidRequest', 'The list of files to copy cannot be read.');
  const keys = wanted.files.map(({ key }) => key);
  const { places, confirm, ...kept } = await allowAll(exchange.buckets, principal, request.bucket, keys);
  // What is to be published is the bucket's from the moment in which it is laid out.
  const payer = wanted.of === 'taken' ? await payerOfBucket(exchange.buckets, principal, request.bucket) : kept.payer;
  const found = await inTurns(copiesOf(principal.claims, request.bucket, wanted, places), async (copy) => ({
    copy,
    info: await store.head(copy.from.bucket, copy.from.key),
  }));
  const there = found.filter((one): one is { copy: Copy; info: ObjectInfo } => one.info !== undefined);
  const missing = new Set(found.filter(({ info }) => info === undefined).map(({ copy }) => copy.at));
  const bytes = there.reduce((sum, { info }) => sum + info.sizeBytes, 0);
  await inRoom(exchange, { payer }, { amounts: { bytes, objects: there.length } }, async () => {
    await inTurns(there, async ({ copy: { at, from, to, mode }, info: { contentType } }) => {
      try {
        await store.copy(from, to, { contentType, userMetadata: { mode } });
      } catch (error) {
        if (!(error instanceof StoreRefusal && error.problem === 'NoSuchKey')) throw error;
        missing.add(at);
      }
    });
    await confirm();
  });
  sendXml(exchange, 'CopyFilesResult', { Missing: [...missing].map(String) });
};
