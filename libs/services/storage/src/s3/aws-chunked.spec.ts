import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type CanonicalParts,
  type ChunkSigning,
  EMPTY_SHA256,
  S3Error,
  canonicalRequest,
  encodePath,
  equalInConstantTime,
  parseRange,
  parseTimestamp,
  sha256Hex,
  signChunk,
  signRequest,
  signTrailer,
  signingKey,
} from '@fornax/s3';
import { decodeChunked } from './aws-chunked.js';
import { CHECKSUMS } from './checksums.js';

/** Examples of the Amazon S3 API reference, "Authenticating Requests (AWS Signature Version 4)". */
const scope = { date: '20130524', region: 'us-east-1', service: 's3' };
const timestamp = '20130524T000000Z';
const key = signingKey('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', scope);
const sign = (parts: Partial<CanonicalParts>, headers: Readonly<Record<string, string>>): string => {
  const all = {
    host: 'examplebucket.s3.amazonaws.com',
    'x-amz-date': timestamp,
    'x-amz-content-sha256': EMPTY_SHA256,
    ...headers,
  };
  return signRequest(
    key,
    timestamp,
    scope,
    canonicalRequest({
      method: 'GET',
      encodedPath: '/',
      query: [],
      signedHeaders: Object.keys(all).sort(),
      headers: new Map(Object.entries(all)),
      payloadHash: all['x-amz-content-sha256'],
      ...parts,
    }),
  );
};

describe('signature version 4', () => {
  it('of the published examples', () => {
    expect(sign({ encodedPath: '/test.txt' }, { range: 'bytes=0-9' })).toBe(
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    );
    expect(
      sign(
        { method: 'PUT', encodedPath: encodePath('/test$file.text') },
        {
          date: 'Fri, 24 May 2013 00:00:00 GMT',
          'x-amz-storage-class': 'REDUCED_REDUNDANCY',
          'x-amz-content-sha256': sha256Hex('Welcome to Amazon S3.'),
        },
      ),
    ).toBe('98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd');
    expect(sign({ query: [['lifecycle', '']] }, {})).toBe(
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    );
    expect(
      sign(
        {
          query: [
            ['prefix', 'J'],
            ['max-keys', '2'],
          ],
        },
        {},
      ),
    ).toBe('34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7');
  });

  it('of a published presigned URL', () => {
    const canonical = canonicalRequest({
      method: 'GET',
      encodedPath: '/test.txt',
      signedHeaders: ['host'],
      headers: new Map([['host', 'examplebucket.s3.amazonaws.com']]),
      payloadHash: 'UNSIGNED-PAYLOAD',
      query: [
        ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
        ['X-Amz-Credential', 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request'],
        ['X-Amz-Date', timestamp],
        ['X-Amz-Expires', '86400'],
        ['X-Amz-SignedHeaders', 'host'],
      ],
    });
    expect(signRequest(key, timestamp, scope, canonical)).toBe(
      'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    );
  });

  it('compares whole texts', () => {
    expect([
      equalInConstantTime('ab', 'ab'),
      equalInConstantTime('ab', 'ac'),
      equalInConstantTime('ab', 'abc'),
      equalInConstantTime('', ''),
    ]).toEqual([true, false, false, true]);
  });

  it('reads basic ISO 8601 times alone', () => {
    expect(parseTimestamp(timestamp)).toBe(Date.UTC(2013, 4, 24));
    for (const text of ['', '2013-05-24T00:00:00Z', '20130524', '20139924T000000Z', '20130524T000000'])
      expect(parseTimestamp(text)).toBeUndefined();
  });
});

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

describe('ranges', () => {
  it('lie inside the object, or are unsatisfiable', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.option(fc.nat(25)), fc.option(fc.nat(25)), (size, first, last) => {
        const range = parseRange(`bytes=${first ?? ''}-${last ?? ''}`, size);
        const bytes = Array.from({ length: size }, (_, at) => at);
        if (range === undefined)
          return expect(first === null ? last === null : last !== null && last < first).toBe(true);
        const wanted =
          first === null
            ? bytes.slice(last === null || last === 0 ? size : -last)
            : bytes.slice(first, last === null ? size : last + 1);
        if (range === 'unsatisfiable') return expect(wanted).toEqual([]);
        expect(bytes.slice(range.start, range.end + 1)).toEqual(wanted);
      }),
    );
  });

  it('of other kinds mean the whole object', () => {
    for (const header of [undefined, '', 'bytes=', 'bytes=-', 'lines=1-2', 'bytes=1-2,4-5', 'bytes=x-y', 'bytes=-1-2'])
      expect(parseRange(header, 10)).toBeUndefined();
  });
});
