import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import {
  type RequestToSign,
  S3Error,
  type S3Keys,
  canonicalQuery,
  encodePath,
  presignedUrl,
  sha256Hex,
  signRequest,
} from '@fornax/s3';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Candidate, Identities, Principal } from '../access/principal.js';
import { authenticate } from './authenticator.js';
import { parseRequest } from './s3-request.js';
import { signV2, stringToSignV2 } from './sigv2.js';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const ada: Principal = { kind: 'user', account: 'a1', email: 'ada+tag@example.org', isReadOnly: false };
const read: Principal = { kind: 'user', account: 'b2', email: 'bob@example.org', isReadOnly: true, readBy: 'a1' };
const keys: S3Keys = { accessKey: ada.email, secretKey: 'the token' };
const knows = (one: Candidate): Identities => ({
  byAccessKey: (accessKey) => (accessKey === keys.accessKey ? one : undefined),
  bySessionToken: (token) => (token === 'claims.mac' ? one : undefined),
  readAs: (reader, account) => (reader === 'a1' && account === read.account ? read : undefined),
});
const identities = knows({ principal: ada, secrets: ['an older token', keys.secretKey] });

const text = (minLength = 1) =>
  fc.string({ unit: 'binary', minLength, maxLength: 20 }).filter((one) => one.isWellFormed() && !one.includes('\0'));
const headerName = () => fc.stringMatching(/^x-amz-meta-[a-z0-9-]{1,10}$/);
const headerValue = () => fc.stringMatching(/^[!-~]( {0,3}[!-~]){0,10}$/);
const hash = () => fc.string().map(sha256Hex);

/** A request as its sender has it, the query's names such that none of them makes it a presigned URL. */
const request = (): fc.Arbitrary<RequestToSign> =>
  fc.record({
    method: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'HEAD'),
    host: fc.constantFrom('127.0.0.1:9000', 'storage', '[::1]:80'),
    path: text().map((key) => `/bucket/${encodePath(key)}`),
    query: fc.array(
      fc.tuple(
        text().map((name) => `q${name}`),
        text(0),
      ),
      { maxLength: 4 },
    ),
    headers: fc.dictionary(headerName(), headerValue(), { maxKeys: 3, noNullPrototype: true }),
    payloadHash: hash(),
    at: fc.integer({ min: NOW - 600_000, max: NOW + 600_000 }),
    region: fc.constantFrom('us-east-1', 'default'),
  });

/** What the verifier makes of a request that says it is `said`, with headers that were made for another perhaps. */
const judge = (said: RequestToSign, headers: Readonly<Record<string, string>>): Principal => {
  const query = canonicalQuery(said.query ?? []);
  const message = Object.assign(new IncomingMessage(new Socket()), {
    method: said.method,
    url: query === '' ? said.path : `${said.path}?${query}`,
    rawHeaders: Object.entries(headers).flat(),
  });
  return authenticate(parseRequest(message, []), identities, NOW).principal;
};
const refusal = (attempt: () => unknown): unknown => {
  try {
    return attempt();
  } catch (error) {
    return error instanceof S3Error ? error.code : error;
  }
};

describe('who signed a request', () => {
  it('is known again, whatever is in it', () => {
    fc.assert(
      fc.property(request(), fc.boolean(), (one, isLease) => {
        const signed = signRequest(isLease ? { ...keys, sessionToken: 'claims.mac' } : keys, one);
        expect(judge(one, signed)).toBe(ada);
      }),
    );
  });

  it('is nobody once its method, path, query, a header or the hash of its payload is another', () => {
    const changes = fc.oneof(
      fc.constantFrom('PATCH', 'OPTIONS').map((method) => ({ method })),
      text().map((key) => ({ path: `/other/${encodePath(key)}` })),
      fc.tuple(text(), text(0)).map((pair) => ({ added: pair })),
      fc.constantFrom('elsewhere', '127.0.0.1:9001').map((host) => ({ header: ['host', host] as const })),
      fc.tuple(headerName(), headerValue()).map((header) => ({ header })),
      hash().map((one) => ({ header: ['x-amz-content-sha256', one] as const })),
    );
    fc.assert(
      fc.property(request(), changes, (one, change) => {
        const { added, header, ...rest } = { added: undefined, header: undefined, ...change };
        const said = {
          ...one,
          ...rest,
          query: [...(one.query ?? []), ...(added ? [[`q${added[0]}`, added[1]] as const] : [])],
        };
        const signed = signRequest(keys, one);
        const headers = header ? { ...signed, [header[0]]: header[1] } : signed;
        fc.pre(header === undefined || signed[header[0]] !== header[1]);
        // A header that was not there is not signed, and so refused as well.
        expect(['SignatureDoesNotMatch', 'AccessDenied']).toContain(refusal(() => judge(said, headers)));
      }),
    );
  });

  it('is nobody with another secret, key, token, time or signature', () => {
    fc.assert(
      fc.property(request(), (one) => {
        const signed = signRequest(keys, one);
        const authorization = signed['authorization'] ?? '';
        const last = authorization.at(-1) === '0' ? '1' : '0';
        expect([
          refusal(() => judge(one, signRequest({ ...keys, secretKey: 'wrong' }, one))),
          refusal(() => judge(one, signRequest({ ...keys, accessKey: 'nobody' }, one))),
          refusal(() => judge(one, signRequest({ ...keys, sessionToken: 'other' }, one))),
          refusal(() => judge(one, signRequest(keys, { ...one, at: NOW - 16 * 60_000 }))),
          refusal(() => judge(one, { ...signed, authorization: `${authorization.slice(0, -1)}${last}` })),
        ]).toEqual([
          'SignatureDoesNotMatch',
          'InvalidAccessKeyId',
          'InvalidToken',
          'RequestTimeTooSkewed',
          'SignatureDoesNotMatch',
        ]);
      }),
    );
  });
});

describe('who reads as another account', () => {
  const linkFor = (account: string, expiresInS = 900, secretKey = keys.secretKey): string =>
    presignedUrl(
      { ...keys, secretKey },
      {
        method: 'GET',
        endpoint: 'http://storage',
        path: '/bucket/key',
        query: [['x-fornax-read-as', account]],
        at: NOW,
        expiresInS,
      },
    ).slice('http://storage'.length);
  const follow = (url: string, at = NOW, one: Candidate = { principal: ada, secrets: [keys.secretKey] }): Principal => {
    const message = Object.assign(new IncomingMessage(new Socket()), {
      method: 'GET',
      url,
      rawHeaders: ['host', 'storage'],
    });
    return authenticate(parseRequest(message, []), knows(one), at).principal;
  };

  it('is whom the link says, by the keys of who reads', () => expect(follow(linkFor('b2'))).toBe(read));

  it('is nobody whom it may not read as, nor for longer than a quarter of an hour', () => {
    const lease = { principal: { kind: 'lease' }, secrets: [keys.secretKey] } as unknown as Candidate;
    expect([
      refusal(() => follow(linkFor('c3'))),
      refusal(() => follow(linkFor(''))),
      refusal(() => follow(linkFor('b2', 901))),
      refusal(() => follow(linkFor('b2'), NOW + 901_000)),
      refusal(() => follow(linkFor('b2'), NOW, lease)),
    ]).toEqual(Array(5).fill('AccessDenied'));
  });

  it('is nobody once the link was changed, or signed with what is not its own', () => {
    const url = linkFor('b2');
    expect([
      refusal(() => follow(url.replace('read-as=b2', 'read-as=c3'))),
      refusal(() => follow(url.replace('x-fornax-read-as=b2&', '').replace('&x-fornax-read-as=b2', ''))),
      refusal(() => follow(`${url}&x-fornax-read-as=c3`)),
      refusal(() => follow(linkFor('b2', 900, 'wrong'))),
    ]).toEqual(Array(4).fill('SignatureDoesNotMatch'));
  });

  it('is nobody by a header, nor by the older signature, which covers no such name', () => {
    const one: RequestToSign = {
      method: 'GET',
      host: 'storage',
      path: '/bucket/key',
      query: [['x-fornax-read-as', 'b2']],
      headers: {},
      payloadHash: sha256Hex(''),
      at: NOW,
      region: 'us-east-1',
    };
    expect(refusal(() => judge(one, signRequest(keys, one)))).toBe('AccessDenied');
    const text = stringToSignV2({
      method: 'GET',
      virtualBucket: '',
      rawPath: '/bucket/key',
      query: [],
      headers: new Map(),
      expires: String(NOW / 1000 + 60),
    });
    const older = `/bucket/key?AWSAccessKeyId=${encodeURIComponent(ada.email)}&Expires=${NOW / 1000 + 60}&Signature=${encodeURIComponent(signV2(keys.secretKey, text))}`;
    expect(follow(older)).toBe(ada);
    expect(refusal(() => follow(`${older}&x-fornax-read-as=b2`))).toBe('AccessDenied');
  });
});
