import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

import * as sdk from '@aws-sdk/client-s3';
import { S3Error } from '@fornax/s3';
import { describe, expect, it } from '@jest/globals';

import { checkHeaders, KNOWN_HEADERS } from './known-headers.js';
import { parseRequest } from '../s3/s3-request.js';

const refusalOf = (headers: Readonly<Record<string, string>>, method = 'PUT', url = '/b/k'): string | undefined => {
  const message = new IncomingMessage(new Socket());
  message.method = method;
  message.url = url;
  message.rawHeaders = Object.entries(headers).flat();
  try {
    checkHeaders(parseRequest(message, []));
    return undefined;
  } catch (error) {
    if (error instanceof S3Error) return error.code;
    throw error;
  }
};

/** Names of headers in the SDK's model of S3: the members of every structure. */
const namesIn = (value: unknown): readonly string[] =>
  Array.isArray(value)
    ? value.flatMap(namesIn)
    : typeof value === 'object' && value !== null && 'httpHeader' in value
      ? [String(value.httpHeader).toLowerCase()]
      : [];
const MODEL = [...new Set(Object.values(sdk).flatMap(namesIn))].filter((name) => name.startsWith('x-amz-'));

describe('what headers ask for', () => {
  it('is done, harmless or refused, for every header of the model', () => {
    expect(MODEL.length).toBeGreaterThan(60);
    for (const name of MODEL) {
      const fate = KNOWN_HEADERS.get(name);
      const isAllowed = typeof fate === 'string';
      const method = name.startsWith('x-amz-if-match-') ? 'DELETE' : 'PUT';
      expect([name, refusalOf({ [name]: 'anything' }, method)]).toEqual([
        name,
        isAllowed ? undefined : 'NotImplemented',
      ]);
    }
  });

  it.each([
    ['x-amz-server-side-encryption-customer-key', 'a'],
    ['x-amz-server-side-encryption', 'aws:kms'],
    ['x-amz-object-lock-mode', 'COMPLIANCE'],
    ['x-amz-tagging', 'a=b'],
    ['x-amz-grant-read', 'uri="all"'],
    ['x-amz-acl', 'public-read'],
    ['x-amz-write-offset-bytes', '5'],
    ['x-amz-checksum-xxhash64', 'a'],
    ['x-amz-trailer', 'x-amz-checksum-xxhash3'],
    ['x-amz-something-of-next-year', '1'],
  ])('is refused when it is not done: %s: %s', (name, value) =>
    expect(refusalOf({ [name]: value })).toBe('NotImplemented'),
  );

  it.each([
    ['x-amz-acl', 'private'],
    ['X-Amz-Meta-Anything', 'x'],
    ['x-amz-trailer', 'x-amz-checksum-crc32'],
    ['x-amz-bucket-object-lock-enabled', 'false'],
    ['if-match', '"a"'],
  ])('is let through otherwise: %s: %s', (name, value) => expect(refusalOf({ [name]: value })).toBeUndefined());

  it('is refused for conditions that nobody looks at', () => {
    expect(refusalOf({ 'If-None-Match': '*' }, 'DELETE')).toBe('NotImplemented');
    expect(refusalOf({ 'x-amz-if-match-size': '5' }, 'PUT')).toBe('NotImplemented');
    expect(refusalOf({ 'If-Match': '"a"' }, 'PUT', '/b/k?partNumber=1&uploadId=u')).toBe('NotImplemented');
  });

  it('is let through for conditions that are decided with the row', () => {
    expect(refusalOf({ 'If-Match': '"a"', 'x-amz-if-match-size': '5' }, 'DELETE')).toBeUndefined();
    expect(refusalOf({ 'If-None-Match': '*', 'x-amz-copy-source': 'b/k' })).toBeUndefined();
  });
});
