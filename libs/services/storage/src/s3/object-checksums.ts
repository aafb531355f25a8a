import type { ChecksumType, ObjectChecksum, PartChecksum, WantedChecksum } from '@fornax/object-store';
import { s3Error, type S3Error, type XmlChildren } from '@fornax/s3';
import { CHECKSUMS } from './checksums.js';
import { isJoinable, joinCrcs } from './crc-combine.js';

/** Checksums of objects as S3 writes them (User Guide, "Checking object integrity"). */

export const CHECKSUM_HEADER = 'x-amz-checksum-';
const TYPE_WORDS: Readonly<Record<ChecksumType, string>> = { composite: 'COMPOSITE', 'full-object': 'FULL_OBJECT' };

const invalid = (detail: string): S3Error => s3Error('InvalidRequest', detail);

/** The element of a document that holds the checksum of an algorithm. */
export const checksumElement = (algorithm: string): string => `Checksum${algorithm.toUpperCase()}`;
export const typeWord = (type: ChecksumType): string => TYPE_WORDS[type];

/**
 * The algorithm that a header names.
 * @throws S3Error NotImplemented for one of S3 that is not computed here, InvalidRequest for one that is none
 */
export const algorithmOf = (name: string): string => {
  const algorithm = name.trim().toLowerCase();
  if (CHECKSUMS.has(algorithm)) return algorithm;
  throw algorithm.startsWith('xxhash')
    ? s3Error('NotImplemented', `Checksums of the algorithm ${algorithm.toUpperCase()} are not implemented.`)
    : invalid('Checksum algorithm provided is unsupported. Please try again with any of the valid types.');
};

/** @throws S3Error InvalidRequest */
const typeOf = (word: string): ChecksumType => {
  if (word.toUpperCase() === 'COMPOSITE') return 'composite';
  if (word.toUpperCase() === 'FULL_OBJECT') return 'full-object';
  throw invalid('Value for x-amz-checksum-type header is invalid.');
};

/**
 * The checksum that an upload in parts is to have, as its beginning asks for it.
 * @throws S3Error InvalidRequest for a type that the algorithm does not have
 */
export const wantedChecksum = (headers: ReadonlyMap<string, string>): WantedChecksum | undefined => {
  const [name, word] = [headers.get('x-amz-checksum-algorithm'), headers.get('x-amz-checksum-type')];
  if (name === undefined) {
    if (word !== undefined)
      throw invalid('The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.');
    return undefined;
  }
  const algorithm = algorithmOf(name);
  const type = word === undefined ? (algorithm === 'crc64nvme' ? 'full-object' : 'composite') : typeOf(word);
  const isPossible = type === 'full-object' ? isJoinable(algorithm) : algorithm !== 'crc64nvme';
  if (!isPossible)
    throw invalid(
      `The ${typeWord(type)} checksum type cannot be used with the ${algorithm.toUpperCase()} checksum algorithm.`,
    );
  return { algorithm, type };
};

/**
 * Looks whether a completion asks for the type of checksum that the upload was begun with.
 * @throws S3Error InvalidRequest
 */
export const checkType = (word: string | undefined, wanted: WantedChecksum | undefined): void => {
  if (word === undefined || (wanted && typeOf(word) === wanted.type)) return;
  throw invalid(
    wanted
      ? `The upload was created using the ${typeWord(wanted.type)} checksum mode. The complete request must use the same checksum mode.`
      : 'The upload was created without a checksum algorithm.',
  );
};

/** What is known of an uploaded part. */
interface Part {
  readonly sizeBytes: number;
  readonly checksum?: PartChecksum;
}

/**
 * The checksum of the object that the parts make; undefined when a part has none.
 * A composite one is the checksum over the parts' checksums, a dash, and their number.
 */
export const checksumOfParts = (
  { algorithm, type }: WantedChecksum,
  parts: readonly Part[],
): ObjectChecksum | undefined => {
  const pieces = parts.flatMap(({ sizeBytes, checksum }) =>
    checksum?.algorithm === algorithm ? [{ value: checksum.value, sizeBytes }] : [],
  );
  if (pieces.length < parts.length) return undefined;
  const values = pieces.map(({ value }) => value);
  if (type === 'full-object') return { algorithm, type, value: joinCrcs(algorithm, pieces), parts: values };
  const running = CHECKSUMS.get(algorithm)?.();
  running?.update(Buffer.concat(values.map((value) => Buffer.from(value, 'base64'))));
  return { algorithm, type, value: `${running?.digest() ?? ''}-${values.length}`, parts: values };
};

/** A checksum as headers of an answer. */
export const checksumHeaders = (checksum: ObjectChecksum | undefined): Record<string, string> =>
  checksum
    ? { [`${CHECKSUM_HEADER}${checksum.algorithm}`]: checksum.value, 'x-amz-checksum-type': typeWord(checksum.type) }
    : {};

/** A part's checksum as a header of an answer. */
export const partChecksumHeaders = (checksum: PartChecksum | undefined): Record<string, string> =>
  checksum ? { [`${CHECKSUM_HEADER}${checksum.algorithm}`]: checksum.value } : {};

/** A checksum as elements of an answer. */
export const checksumElements = (
  checksum: (PartChecksum & { readonly type?: ChecksumType }) | undefined,
): XmlChildren =>
  checksum
    ? {
        [checksumElement(checksum.algorithm)]: checksum.value,
        ChecksumType: checksum.type === undefined ? undefined : typeWord(checksum.type),
      }
    : {};

/** The bytes as they pass, and their checksum at the end. */
export const measured = (
  algorithm: string | undefined,
  bytes: AsyncIterable<Uint8Array>,
): { readonly source: AsyncIterable<Uint8Array>; readonly checksum: () => PartChecksum | undefined } => {
  const running = algorithm === undefined ? undefined : CHECKSUMS.get(algorithm)?.();
  if (algorithm === undefined || !running) return { source: bytes, checksum: () => undefined };
  let value: string | undefined;
  const source = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      running.update(chunk);
      yield chunk;
    }
    value = running.digest();
  };
  return { source: source(), checksum: () => (value === undefined ? undefined : { algorithm, value }) };
};
