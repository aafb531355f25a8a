import { type ByteSource, inPortions, type PartChecksum } from '@fornax/object-store';
import { type S3Error, s3Error, UNSIGNED_PAYLOAD } from '@fornax/s3';
import type { Authenticated } from './authenticator.js';
import { decodeChunked } from './aws-chunked.js';
import { type PassingChecksum, CHECKSUMS, passingChecksum } from './checksums.js';
import { CHECKSUM_HEADER, algorithmOf, measured } from './object-checksums.js';
import type { S3Request } from './s3-request.js';

/** Largest object of one PUT and largest part, as in Amazon S3. */
const MAX_PUT_BYTES = 5 * 1024 ** 3;
/** From here on hashing takes longer than handing the bytes to other threads. */
const THREADED_FROM_BYTES = 1024 ** 2;

export interface Payload {
  readonly sizeBytes: number;
  /** Throws after the last byte when a hash, a checksum or a signature that came with the request is not that of the bytes. */
  readonly source: ByteSource;
  /** The checksum that came with the bytes, or that was asked for: at once where it is a header, else when the source has ended. */
  readonly checksum: () => PartChecksum | undefined;
}

interface Check {
  readonly running: PassingChecksum;
  /** Base64; of a trailer only known at the end. */
  expected(): string | undefined;
  failure(actual: string): S3Error;
}

const SHA256_HEX = /^[0-9a-f]{64}$/;
const STREAMING = new Map([
  ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', { isSigned: true, hasTrailer: false }],
  ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', { isSigned: true, hasTrailer: true }],
  ['STREAMING-UNSIGNED-PAYLOAD-TRAILER', { isSigned: false, hasTrailer: true }],
]);

const contentLength = (request: S3Request, header: string): number => {
  const text = request.headers.get(header);
  if (text === undefined) throw s3Error('MissingContentLength', `You must provide the ${header} HTTP header.`);
  const length = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(length)) throw s3Error('InvalidArgument', `${header} must be a number of bytes`);
  return length;
};

const digestHeader = (value: string, bytes: number, header: string): string => {
  if (Buffer.from(value, 'base64').byteLength !== bytes)
    throw s3Error('InvalidDigest', `The ${header} you specified is not valid.`);
  return value;
};

/** Where the checksum of the content stands. */
interface Carried {
  readonly algorithm: string;
  /** Of a trailer only known at the end. */
  value(): string | undefined;
}

/** @throws S3Error BadDigest for a value that is no checksum of the algorithm */
const checksumValue = (algorithm: string, value: string): string => {
  const wanted = CHECKSUMS.get(algorithm)?.().digest() ?? '';
  if (value.length !== wanted.length || Buffer.from(value, 'base64').toString('base64') !== value)
    throw s3Error('BadDigest', `Value for ${CHECKSUM_HEADER}${algorithm} header is invalid.`);
  return value;
};

/**
 * The one checksum that comes with the content.
 * @throws S3Error InvalidRequest for several, or another one than is announced
 */
const carriedChecksum = ({ headers }: S3Request, trailer: ReadonlyMap<string, string>): Carried | undefined => {
  const announced = (headers.get('x-amz-trailer') ?? '').split(',').map((name) => name.trim().toLowerCase());
  const carried = [...CHECKSUMS.keys()].flatMap((algorithm): readonly Carried[] => {
    const name = `${CHECKSUM_HEADER}${algorithm}`;
    const header = headers.get(name);
    if (header !== undefined) {
      const value = checksumValue(algorithm, header);
      return [{ algorithm, value: () => value }];
    }
    return announced.includes(name) ? [{ algorithm, value: () => trailer.get(name) }] : [];
  });
  if (carried.length > 1)
    throw s3Error(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    );
  const [one] = carried;
  const said = headers.get('x-amz-sdk-checksum-algorithm');
  if (one && said !== undefined && algorithmOf(said) !== one.algorithm)
    throw s3Error('InvalidRequest', 'Value for x-amz-sdk-checksum-algorithm header is invalid.');
  return one;
};

const badDigest = (name: string) => (): S3Error =>
  s3Error('BadDigest', `The ${name} you specified did not match the calculated checksum.`);

const checksOf = (request: S3Request, payloadHash: string, carried: Carried | undefined): readonly Check[] => {
  const checks: Check[] = [];
  const md5 = request.headers.get('content-md5');
  if (md5 !== undefined) {
    const expected = digestHeader(md5, 16, 'Content-MD5');
    checks.push({ running: passingChecksum('md5'), expected: () => expected, failure: badDigest('Content-MD5') });
  }
  if (SHA256_HEX.test(payloadHash)) {
    const expected = Buffer.from(payloadHash, 'hex').toString('base64');
    checks.push({
      running: passingChecksum('sha256'),
      expected: () => expected,
      failure: () =>
        s3Error(
          'XAmzContentSHA256Mismatch',
          "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
    });
  }
  if (carried) {
    const running = passingChecksum(carried.algorithm);
    checks.push({ running, expected: () => carried.value(), failure: badDigest(carried.algorithm.toUpperCase()) });
  }
  return checks;
};

/**
 * Takes over what stands behind the content: the checksum that was announced, and nothing that nobody looks at.
 * @throws S3Error MalformedTrailerError
 */
const keepTrailer = (
  headers: ReadonlyMap<string, string>,
  carried: Carried | undefined,
  trailer: Map<string, string>,
): void => {
  for (const [name, value] of headers) {
    if (carried === undefined || name !== `${CHECKSUM_HEADER}${carried.algorithm}`)
      throw s3Error('MalformedTrailerError', `The request did not announce the trailer ${name.slice(0, 100)}.`);
    trailer.set(name, checksumValue(carried.algorithm, value));
  }
};

async function* verified(
  bytes: AsyncIterable<Uint8Array>,
  checks: readonly Check[],
  sizeBytes: number,
): AsyncGenerator<Uint8Array> {
  let seen = 0;
  try {
    for await (const chunk of bytes) {
      seen += chunk.byteLength;
      if (seen > sizeBytes) throw s3Error('IncompleteBody', 'The request body is longer than its announced length.');
      for (const { running } of checks) await running.update(chunk);
      yield chunk;
    }
    if (seen !== sizeBytes)
      throw s3Error(
        'IncompleteBody',
        'You did not provide the number of bytes specified by the Content-Length HTTP header',
      );
    for (const { running, expected, failure } of checks) {
      const actual = await running.digest();
      const wanted = expected();
      if (wanted === undefined)
        throw s3Error('MalformedTrailerError', 'The request announced a trailing checksum that did not come.');
      if (wanted !== actual) throw failure(actual);
    }
  } finally {
    for (const { running } of checks) running.abandon?.();
  }
}

/** Left open when reading ends early, so that the answer can still be sent. */
async function* bodyOf(request: S3Request): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of request.message.iterator({ destroyOnReturn: false }))
      if (chunk instanceof Uint8Array) yield chunk;
  } catch (cause) {
    throw s3Error('IncompleteBody', 'The connection ended before the request body.', {}, { cause });
  }
}

/**
 * The payload of a PUT, to be streamed on.
 * @param wanted the algorithm of the checksum that an upload in parts is to have
 * @throws S3Error MissingContentLength, EntityTooLarge, InvalidDigest, InvalidArgument, InvalidRequest
 */
export const openPayload = (request: S3Request, authenticated: Authenticated, wanted?: string): Payload => {
  const trailer = new Map<string, string>();
  const carried = carriedChecksum(request, trailer);
  if (carried && wanted !== undefined && carried.algorithm !== wanted)
    throw s3Error(
      'InvalidRequest',
      `Checksum Type mismatch occurred, expected checksum Type: ${wanted}, actual checksum Type: ${carried.algorithm}`,
    );
  const { sizeBytes, source } = openBody(request, authenticated, carried, trailer);
  if (carried) {
    const { algorithm, value } = carried;
    const checksum = (): PartChecksum | undefined => {
      const known = value();
      return known === undefined ? undefined : { algorithm, value: known };
    };
    return { sizeBytes, source, checksum };
  }
  // Who names an algorithm, and sends no checksum, leaves it to the server.
  const said = wanted ?? request.headers.get('x-amz-sdk-checksum-algorithm');
  return { sizeBytes, ...measured(said === undefined ? undefined : algorithmOf(said), source) };
};

const openBody = (
  request: S3Request,
  { payloadHash, chunks }: Authenticated,
  carried: Carried | undefined,
  trailer: Map<string, string>,
): Pick<Payload, 'sizeBytes' | 'source'> => {
  const streaming = STREAMING.get(payloadHash);
  const isChunked = streaming !== undefined;
  if (streaming?.isSigned === true && !chunks)
    throw s3Error('InvalidArgument', 'Signed chunks need a signature of version 4.');
  if (!isChunked && payloadHash !== UNSIGNED_PAYLOAD && !SHA256_HEX.test(payloadHash)) {
    throw s3Error(
      'InvalidArgument',
      'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- form, or a valid sha256 value.',
    );
  }
  const sizeBytes = contentLength(request, isChunked ? 'x-amz-decoded-content-length' : 'content-length');
  if (sizeBytes > MAX_PUT_BYTES) {
    throw s3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size', {
      MaxSizeAllowed: String(MAX_PUT_BYTES),
    });
  }
  const body = bodyOf(request);
  const bytes =
    streaming === undefined
      ? body
      : decodeChunked(body, {
          signing: streaming.isSigned ? chunks : undefined,
          hasTrailer: streaming.hasTrailer,
          onTrailer: (headers) => keepTrailer(headers, carried, trailer),
        });
  // Whatever is hashed of a large body, other threads do.
  const passing = sizeBytes >= THREADED_FROM_BYTES ? inPortions(bytes) : bytes;
  return { sizeBytes, source: verified(passing, checksOf(request, payloadHash, carried), sizeBytes) };
};

/** A small text, read like `readBytes`. */
export const readBody = async (...body: Parameters<typeof readBytes>): Promise<string> =>
  (await readBytes(...body)).toString('utf8');

/**
 * A small body in memory, verified like a payload.
 * @throws S3Error MaxMessageLengthExceeded
 */
export const readBytes = async (
  request: S3Request,
  authenticated: Authenticated,
  maxBytes: number,
  /** Where the checksum in the headers is that of the body. */
  hasChecksum = true,
): Promise<Buffer> => {
  const isEmpty =
    request.headers.get('content-length') === undefined && request.headers.get('transfer-encoding') === undefined;
  if (isEmpty || request.headers.get('content-length') === '0') return Buffer.alloc(0);
  const { sizeBytes, source } = hasChecksum
    ? openPayload(request, authenticated)
    : openBody(request, authenticated, undefined, new Map());
  if (sizeBytes > maxBytes)
    throw s3Error('MaxMessageLengthExceeded', 'Your request was too big.', {
      MaxMessageLengthBytes: String(maxBytes),
    });
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
};
