import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http, { type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { S3Client } from './s3-client.js';
import { S3Error } from '../protocol/s3-error.js';
import { signRequest } from '../signature/sign-request.js';
import { parseTimestamp } from '../signature/sigv4.js';

const keys = { accessKey: 'me@example.com', secretKey: 'secret', sessionToken: 'claims.mac' };

/** Checks the signature by signing what arrived with the same keys. */
const isSigned = (method: string, path: string, url: URL, headers: IncomingHttpHeaders): boolean => {
  const extra = headers['content-type'] === undefined ? {} : { 'content-type': headers['content-type'] };
  const range = headers.range === undefined ? {} : { range: headers.range };
  const expected = signRequest(keys, {
    method,
    host: url.host,
    path,
    query: [...url.searchParams],
    headers: { ...extra, ...range },
    payloadHash: String(headers['x-amz-content-sha256']),
    at: parseTimestamp(String(headers['x-amz-date'])) ?? 0,
  });
  return expected['authorization'] === headers.authorization;
};

describe('the S3 client', () => {
  const objects = new Map<string, Buffer>();
  let server: Server;
  let client: S3Client;
  let endpoint = '';
  /** Answers of 503 to give first. */
  let failures = 0;

  const page = (prefix: string, after: string): string => {
    const found = [...objects.keys()].sort().filter((key) => key.startsWith(prefix) && key > after);
    const [first] = found;
    const contents =
      first === undefined
        ? ''
        : `<Contents><Key>${first.replaceAll('&', '&amp;')}</Key><Size>${objects.get(first)?.length ?? 0}</Size><ETag>&quot;e&quot;</ETag><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>`;
    const more =
      found.length > 1
        ? `<IsTruncated>true</IsTruncated><NextContinuationToken>${(first ?? '').replaceAll('&', '&amp;')}</NextContinuationToken>`
        : '<IsTruncated>false</IsTruncated>';
    return `<ListBucketResult>${contents}${more}</ListBucketResult>`;
  };

  beforeAll(async () => {
    server = http.createServer((request, response) => {
      void buffer(request).then((body) => {
        const url = new URL(request.url ?? '/', `http://${request.headers.host ?? ''}`);
        // Not from the URL, which takes `..` for a step.
        const [path = ''] = (request.url ?? '').split('?');
        const key = decodeURIComponent(path.replace(/^\/bucket\/?/, ''));
        const fail = (status: number, code: string): unknown =>
          response.writeHead(status).end(`<Error><Code>${code}</Code><Message>${code} &amp; so on</Message></Error>`);
        if (failures > 0) {
          failures -= 1;
          return response.writeHead(503).end('<html>busy');
        }
        if (Math.abs((parseTimestamp(String(request.headers['x-amz-date'])) ?? 0) - Date.now()) > 900_000)
          return fail(403, 'RequestTimeTooSkewed');
        if (!isSigned(request.method ?? '', path, url, request.headers)) return fail(403, 'SignatureDoesNotMatch');
        if (request.method === 'PUT') {
          if (key !== '') objects.set(key, body);
          return response.writeHead(200, { etag: '"abc"' }).end();
        }
        if (request.method === 'DELETE') {
          objects.delete(key);
          return response.writeHead(204).end();
        }
        if (key === '')
          return response.end(
            page(url.searchParams.get('prefix') ?? '', url.searchParams.get('continuation-token') ?? ''),
          );
        const object = objects.get(key);
        if (!object) return request.method === 'HEAD' ? response.writeHead(404).end() : fail(404, 'NoSuchKey');
        response.writeHead(200, { 'content-length': object.length, etag: '"abc"' });
        return request.method === 'HEAD' ? response.end() : response.end(object);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    client = new S3Client({ ...keys, endpoint });
  });

  afterAll(async () => {
    client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('puts and gets objects under awkward keys', async () => {
    await client.createBucket('bucket');
    for (const key of ['plain', 'a b/c+d&e=f', "ümläut/(x)!'*~", 'a//b', 'a/../b', './c']) {
      expect(await client.putObject('bucket', key, `content of ${key}`)).toBe('abc');
      expect((await client.getBytes('bucket', key)).toString()).toBe(`content of ${key}`);
    }
  });

  it('streams in and out', async () => {
    const body = Buffer.alloc(3_000_000, 5);
    await client.putObject('bucket', 'large', { stream: Readable.from([body]), sizeBytes: body.length });
    expect(objects.get('large')?.equals(body)).toBe(true);
    expect((await client.getBytes('bucket', 'large')).equals(body)).toBe(true);
    expect(await client.headObject('bucket', 'large')).toEqual({ sizeBytes: body.length, etag: 'abc' });
  });

  it('uploads files, empty ones too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fornax-s3-'));
    try {
      writeFileSync(join(folder, 'full'), 'hello');
      writeFileSync(join(folder, 'empty'), '');
      expect(await client.putFile('bucket', 'full', join(folder, 'full'))).toBe(5);
      expect(await client.putFile('bucket', 'empty', join(folder, 'empty'))).toBe(0);
      expect([objects.get('full')?.toString(), objects.get('empty')?.toString()]).toEqual(['hello', '']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('lists all pages of a prefix', async () => {
    await client.putObject('bucket', 'list/a&b', 'x');
    await client.putObject('bucket', 'list/c d', 'xy');
    const listed = await client.listObjects('bucket', 'list/');
    expect(listed.map(({ key, sizeBytes, etag }) => [key, sizeBytes, etag])).toEqual([
      ['list/a&b', 1, 'e'],
      ['list/c d', 2, 'e'],
    ]);
  });

  it('repeats what can be repeated, as often as it is told', async () => {
    const patient = new S3Client({ ...keys, endpoint, tries: 3 });
    failures = 2;
    expect(await patient.putObject('bucket', 'again', 'content')).toBe('abc');
    failures = 2;
    expect((await patient.getBytes('bucket', 'again', { start: 0 })).toString()).toBe('content');
    failures = 1;
    const stream = Readable.from([Buffer.from('once')]);
    await expect(patient.putObject('bucket', 'once', { stream, sizeBytes: 4 })).rejects.toMatchObject({ status: 503 });
    failures = 1;
    await expect(client.getBytes('bucket', 'again')).rejects.toMatchObject({ code: 'Http503' });
    patient.close();
  });

  it('repeats once what met with silence, however often it may repeat', async () => {
    let asked = 0;
    const silent = http.createServer(() => void (asked += 1)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const patient = new S3Client({ ...keys, endpoint: `http://127.0.0.1:${port}`, tries: 6, silenceMs: 50 });
    await expect(patient.getBytes('bucket', 'key')).rejects.toThrow('the storage does not answer');
    expect(asked).toBe(2);
    patient.close();
    silent.closeAllConnections();
    silent.close();
  });

  it('counts silence from the last piece that the service took, also while pieces wait for it', async () => {
    // Takes what fits into the buffers of the connection, and nothing more.
    const stalled = http.createServer(() => undefined).listen(0, '127.0.0.1');
    await once(stalled, 'listening');
    const { port } = stalled.address() as AddressInfo;
    const silenceMs = 2_000;
    const sender = new S3Client({ ...keys, endpoint: `http://127.0.0.1:${port}`, silenceMs });
    const beganAt = performance.now();
    await expect(sender.putObject('bucket', 'key', Buffer.alloc(64 * 1_048_576))).rejects.toThrow(
      'the storage does not answer',
    );
    expect(performance.now() - beganAt).toBeLessThan(1.8 * silenceMs);
    sender.close();
    stalled.closeAllConnections();
    stalled.close();
  });

  it('dates its requests by the clock of the service once that is the other', async () => {
    const early = new S3Client({ ...keys, endpoint, tries: 2, now: () => Date.now() - 3_600_000 });
    const late = new S3Client({ ...keys, endpoint, now: () => Date.now() + 3_600_000 });
    expect((await early.getBytes('bucket', 'again')).toString()).toBe('content');
    expect(await early.headObject('bucket', 'again')).toBeDefined();
    await expect(late.getBytes('bucket', 'again')).rejects.toMatchObject({ code: 'RequestTimeTooSkewed' });
    early.close();
    late.close();
  });

  it('says what the service says', async () => {
    await client.deleteObject('bucket', 'plain');
    await expect(client.getBytes('bucket', 'plain')).rejects.toMatchObject({
      status: 404,
      code: 'NoSuchKey',
      message: 'storage answered 404 NoSuchKey: NoSuchKey & so on',
    });
    expect(await client.headObject('bucket', 'plain')).toBeUndefined();
    const stranger = new S3Client({
      ...keys,
      secretKey: 'wrong',
      endpoint,
    });
    await expect(stranger.createBucket('bucket')).rejects.toThrow(S3Error);
    stranger.close();
  });
});
