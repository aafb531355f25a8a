import { describe, expect, it } from '@jest/globals';
import { encodeRfc3986, sha256Hex, signRequest } from './sigv4.js';

// Keys, requests and signatures of the examples in Amazon's documentation of Signature Version 4 for S3.
const keys = { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const at = new Date('2013-05-24T00:00:00Z');
const empty = sha256Hex('');
const signatureOf = (headers: Readonly<Record<string, string>>): string | undefined =>
  /Signature=(\w+)$/.exec(headers['authorization'] ?? '')?.[1];

describe('SigV4', () => {
  it('signs a GET with a range as the published example does', () => {
    const url = new URL('https://examplebucket.s3.amazonaws.com/test.txt');
    const headers = signRequest(keys, { method: 'GET', url, headers: { range: 'bytes=0-9' }, payloadHash: empty, at });
    expect(signatureOf(headers)).toBe('f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41');
  });

  it('signs a PUT of an object whose key needs encoding as the published example does', () => {
    const url = new URL('https://examplebucket.s3.amazonaws.com/test$file.text');
    const headers = signRequest(keys, {
      method: 'PUT',
      url,
      headers: { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
      payloadHash: sha256Hex('Welcome to Amazon S3.'),
      at,
    });
    expect(signatureOf(headers)).toBe('98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd');
  });

  it('signs a query without a value as the published example does', () => {
    const url = new URL('https://examplebucket.s3.amazonaws.com/?lifecycle');
    expect(signatureOf(signRequest(keys, { method: 'GET', url, payloadHash: empty, at }))).toBe(
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    );
  });

  it('signs a list query as the published example does', () => {
    const url = new URL('https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J');
    expect(signatureOf(signRequest(keys, { method: 'GET', url, payloadHash: empty, at }))).toBe(
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    );
  });

  it('signs the session token with the rest', () => {
    const url = new URL('http://127.0.0.1:9000/b/k');
    const headers = signRequest(
      { ...keys, sessionToken: 'claims.mac' },
      { method: 'GET', url, payloadHash: empty, at },
    );
    expect(headers['x-amz-security-token']).toBe('claims.mac');
    expect(headers['authorization']).toContain(
      'SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token',
    );
  });

  it('encodes everything that RFC 3986 reserves', () => {
    expect(encodeRfc3986("a b+c/!'()*~é")).toBe('a%20b%2Bc%2F%21%27%28%29%2A~%C3%A9');
  });
});
