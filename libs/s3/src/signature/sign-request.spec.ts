import { describe, expect, it } from '@jest/globals';
import { type RequestToSign, signRequest } from './sign-request.js';
import {
  EMPTY_SHA256,
  UNSIGNED_PAYLOAD,
  canonicalQuery,
  canonicalRequest,
  encodePath,
  equalInConstantTime,
  formatTimestamp,
  parseTimestamp,
  sha256Hex,
  signatureOf,
  signingKey,
  uriEncode,
} from './sigv4.js';

// Keys, requests and signatures of the examples in the Amazon S3 API reference, "Authenticating Requests (AWS Signature Version 4)".
const keys = { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const timestamp = '20130524T000000Z';
const request: RequestToSign = {
  method: 'GET',
  host: 'examplebucket.s3.amazonaws.com',
  path: '/',
  payloadHash: EMPTY_SHA256,
  at: Date.UTC(2013, 4, 24),
};
const signatureIn = (headers: Readonly<Record<string, string>>): string | undefined =>
  /Signature=(\w+)$/.exec(headers['authorization'] ?? '')?.[1];

describe('a request is signed as the published example of', () => {
  it.each<[string, Partial<RequestToSign>, string]>([
    [
      'GET Object with a range',
      { path: '/test.txt', headers: { range: 'bytes=0-9' } },
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      'PUT Object, its key encoded',
      {
        method: 'PUT',
        path: encodePath('/test$file.text'),
        headers: { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
        payloadHash: sha256Hex('Welcome to Amazon S3.'),
      },
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    [
      'GET Bucket Lifecycle, a query without a value',
      { query: [['lifecycle', '']] },
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ],
    [
      'List Objects, its query in another order',
      {
        query: [
          ['prefix', 'J'],
          ['max-keys', '2'],
        ],
      },
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ],
  ])('%s', (_, parts, signature) => expect(signatureIn(signRequest(keys, { ...request, ...parts }))).toBe(signature));

  it('a presigned URL', () => {
    const scope = { date: '20130524', region: 'us-east-1', service: 's3' };
    const canonical = canonicalRequest({
      method: 'GET',
      encodedPath: '/test.txt',
      signedHeaders: ['host'],
      headers: new Map([['host', request.host]]),
      payloadHash: UNSIGNED_PAYLOAD,
      query: [
        ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
        ['X-Amz-Credential', 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request'],
        ['X-Amz-Date', timestamp],
        ['X-Amz-Expires', '86400'],
        ['X-Amz-SignedHeaders', 'host'],
      ],
    });
    expect(signatureOf(signingKey(keys.secretKey, scope), timestamp, scope, canonical)).toBe(
      'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    );
  });
});

describe('a signature', () => {
  it('covers the session token', () => {
    const headers = signRequest({ ...keys, sessionToken: 'claims.mac' }, request);
    expect(headers['x-amz-security-token']).toBe('claims.mac');
    expect(headers['authorization']).toContain(
      'SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,',
    );
  });

  it('is compared whole', () => {
    const pairs = [
      ['ab', 'ab'],
      ['ab', 'ac'],
      ['ab', 'abc'],
      ['', ''],
    ] as const;
    expect(pairs.map(([a, b]) => equalInConstantTime(a, b))).toEqual([true, false, false, true]);
  });

  it('is dated in basic ISO 8601 alone', () => {
    expect([parseTimestamp(timestamp), formatTimestamp(request.at)]).toEqual([request.at, timestamp]);
    for (const text of ['', '2013-05-24T00:00:00Z', '20130524', '20139924T000000Z', '20130524T000000'])
      expect(parseTimestamp(text)).toBeUndefined();
  });
});

it('encodes all that RFC 3986 reserves, in a path all but slashes', () => {
  expect(uriEncode("a b+c/!'()*~é")).toBe('a%20b%2Bc%2F%21%27%28%29%2A~%C3%A9');
  expect(encodePath("a b+c/é'(*)")).toBe('a%20b%2Bc/%C3%A9%27%28%2A%29');
});

it('orders a query by names, where one begins with another', () =>
  expect(
    canonicalQuery([
      ['a-b', '1'],
      ['a', '2'],
      ['a', '1'],
    ]),
  ).toBe('a=1&a=2&a-b=1'));
