import { describe, expect, it } from '@jest/globals';
import { type ChunkSigning, EMPTY_SHA256, S3Error, signChunk, signTrailer, signingKey } from '@fornax/s3';
import { decodeChunked } from './aws-chunked.js';
import { CHECKSUMS } from './checksums.js';

/** Examples of the Amazon S3 API reference, "Authenticating Requests (AWS Signature Version 4)". */
const scope = { date: '20130524', region: 'us-east-1', service: 's3' };
const timestamp = '20130524T000000Z';
const key = signingKey('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', scope);
const seed = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9';
const signing: ChunkSigning = { key, timestamp, scope, seed };
const chunk = (size: number, signature: string): readonly Uint8Array[] => [
  Buffer.from(`${size.toString(16)};chunk-signature=${signature}\r\n`),
  Buffer.alloc(size, 'a'),
  Buffer.from('\r\n'),
];
const EXAMPLE: readonly Uint8Array[] = [
  ...chunk(65536, 'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648'),
  ...chunk(1024, '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497'),
  ...chunk(0, 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9'),
];
const inPieces = async function* (data: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.byteLength; at += size) yield data.subarray(at, at + size);
};
const decoded = async (
  body: AsyncIterable<Uint8Array>,
  form: Partial<Parameters<typeof decodeChunked>[1]> = {},
): Promise<Buffer> => {
  const parts: Uint8Array[] = [];
  for await (const part of decodeChunked(body, { signing, hasTrailer: false, onTrailer: () => undefined, ...form }))
    parts.push(part);
  return Buffer.concat(parts);
};
const codeOf = (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => 'none',
    (error: unknown) => (error instanceof S3Error ? error.code : error),
  );

describe('aws-chunked', () => {
  it('of the published example is read, however the network cut it', async () => {
    const body = Buffer.concat(EXAMPLE);
    for (const size of [1_000_000, 1000, 7, 1]) {
      expect((await decoded(inPieces(body, size))).equals(Buffer.alloc(66560, 'a'))).toBe(true);
    }
  });

  it('is refused when a byte or a signature is another', async () => {
    const body = Buffer.concat(EXAMPLE);
    const changed = (at: number): Buffer =>
      Buffer.concat([body.subarray(0, at), Buffer.from('b'), body.subarray(at + 1)]);
    expect(await codeOf(decoded(inPieces(changed(1000), 4096)))).toBe('SignatureDoesNotMatch');
    expect(await codeOf(decoded(inPieces(changed(30), 4096)))).toBe('SignatureDoesNotMatch');
    expect(await codeOf(decoded(inPieces(body.subarray(0, 70_000 - 10_000), 4096)))).toBe('IncompleteBody');
    expect(await codeOf(decoded(inPieces(Buffer.concat(EXAMPLE.slice(0, 6)), 4096)))).toBe('IncompleteBody');
    expect(await codeOf(decoded(inPieces(Buffer.from('zz\r\n'), 4)))).toBe('InvalidRequest');
    expect(await codeOf(decoded(inPieces(Buffer.alloc(5000, 'f'), 4096)))).toBe('InvalidRequest');
  });

  it('hands over its trailer, whose signature counts', async () => {
    const trailer = 'x-amz-checksum-crc32:AAAAAA==';
    const last = signChunk(signing, seed, EMPTY_SHA256);
    const signed = signTrailer(signing, last, `${trailer}\n`);
    const body = (signature: string): Buffer =>
      Buffer.from(`0;chunk-signature=${last}\r\n${trailer}\r\nx-amz-trailer-signature:${signature}\r\n\r\n`);
    let seen: ReadonlyMap<string, string> = new Map();
    await decoded(inPieces(body(signed), 5), {
      hasTrailer: true,
      onTrailer: (headers) => {
        seen = headers;
      },
    });
    expect([...seen]).toEqual([['x-amz-checksum-crc32', 'AAAAAA==']]);
    expect(await codeOf(decoded(inPieces(body(last), 5), { hasTrailer: true }))).toBe('SignatureDoesNotMatch');
    expect(
      await codeOf(
        decoded(inPieces(Buffer.from(`0\r\n${'a:b\r\n'.repeat(50)}\r\n`), 5), { hasTrailer: true, signing: undefined }),
      ),
    ).toBe('MalformedTrailerError');
  });
});

describe('checksums', () => {
  const digest = (name: string, pieces: readonly string[]): string | undefined => {
    const running = CHECKSUMS.get(name)?.();
    for (const piece of pieces) running?.update(Buffer.from(piece));
    return running?.digest();
  };
  it('give the check values of their catalogue, in pieces or whole', () => {
    const hex = (name: string, pieces: readonly string[]) =>
      Buffer.from(digest(name, pieces) ?? '', 'base64').toString('hex');
    for (const pieces of [['123456789'], ['1234', '', '56789']]) {
      expect(hex('crc32', pieces)).toBe('cbf43926');
      expect(hex('crc32c', pieces)).toBe('e3069283');
      expect(hex('crc64nvme', pieces)).toBe('ae8b14860a799888');
      expect(hex('sha1', pieces)).toBe('f7c3bc1d808e04732adf679965ccc34ca7ae3441');
    }
  });
});
