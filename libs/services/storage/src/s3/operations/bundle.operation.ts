import { type BundledFile, decodeBundle, FILE_BUNDLE_QUERY, MAX_BUNDLE_BYTES } from '@fornax/contracts';
import { MAX_KEY_BYTES } from '@fornax/object-store';
import { s3Error, type S3Error } from '@fornax/s3';
import { allowAll, confirmed } from '../../access/authorize.js';
import { type Exchange, inRoom, sendXml } from '../exchange.js';
import { readBytes } from '../payload.js';

/** As many as share the flush of a folder. */
const AT_ONCE = 32;

const invalid = (detail: string): S3Error => s3Error('InvalidRequest', `The files of one request: ${detail}.`);

const filesOf = (body: Buffer): readonly BundledFile[] => {
  const files = decodeBundle(body);
  if (!files) throw invalid('their list and their bytes do not belong together');
  for (const { key } of files) {
    if (key.includes('\0') || !key.isWellFormed()) throw s3Error('InvalidArgument', 'A key holds no NUL character.');
    if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw s3Error('KeyTooLongError', 'Your key is too long');
  }
  return files;
};

async function* just(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/**
 * POST bucket?fornax-files: several small files of an instance, each as if it were put alone; nobody else is offered it. The answer says how many
 * are stored: all. After an error some may be: all may be sent again.
 */
export const storeFiles = async (exchange: Exchange): Promise<void> => {
  const { request, authenticated, principal, store } = exchange;
  if (principal.kind !== 'lease')
    throw s3Error('NotImplemented', `A request with the parameter "${FILE_BUNDLE_QUERY}" is for nodes alone.`);
  exchange.checkWritable(principal);
  exchange.expectBody();
  const files = filesOf(await readBytes(request, authenticated, MAX_BUNDLE_BYTES));
  const keys = files.map(({ key }) => key);
  const { places, ...allowed } = await allowAll(exchange.buckets, principal, request.bucket, keys);
  // Where there is hardly room for more objects, this counts those that take another's place too: they may still be put alone.
  const amounts = { bytes: files.reduce((sum, { bytes }) => sum + bytes.byteLength, 0), objects: files.length };
  const put = async ({ mode, bytes }: BundledFile, at: number): Promise<void> => {
    const place = places[at];
    if (!place) throw new RangeError('a file without a place');
    await store.put(place.bucket, place.key, confirmed(just(bytes), allowed), {
      contentType: 'binary/octet-stream',
      userMetadata: { mode },
      sizeBytes: bytes.byteLength,
    });
  };
  const failure = await inRoom(exchange, allowed, { amounts }, async () => {
    const outcomes: PromiseSettledResult<void>[] = [];
    for (let from = 0; from < files.length; from += AT_ONCE)
      outcomes.push(
        ...(await Promise.allSettled(files.slice(from, from + AT_ONCE).map((file, at) => put(file, from + at)))),
      );
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
    if (failures.length === outcomes.length) throw failures[0]?.reason;
    // What is stored takes room, whatever became of the others.
    return failures[0];
  });
  if (failure) throw failure.reason;
  sendXml(exchange, 'StoreFilesResult', { Count: String(files.length) });
};
