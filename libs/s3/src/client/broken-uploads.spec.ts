import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from '@jest/globals';

import { S3Client } from './s3-client.js';

const SIZE_BYTES = 4_000_000;
const UPLOADS = 6;
const credentials = { accessKey: 'lease', secretKey: 'secret', sessionToken: 'token' };

let folder = '';
let server: Server;
let s3: S3Client;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-s3-'));
  // Refuses in the middle of a body and cuts the connection: the lease was revoked, say.
  server = createServer((request, response) => {
    request.once('data', () => response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>'));
    response.once('finish', () => request.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  s3 = new S3Client({
    ...credentials,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tries: 6,
  });
});
afterEach(async () => {
  s3.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

it('closes nothing that is not its own when uploads break', async () => {
  const paths = await Promise.all(
    Array.from({ length: UPLOADS }, async (_, index) => {
      const path = join(folder, String(index));
      await writeFile(path, Buffer.alloc(SIZE_BYTES, index));
      return path;
    }),
  );
  const { signal } = new AbortController();
  const files = await Promise.all(paths.map((path) => open(path)));
  const before = await Promise.all(files.map((file) => file.stat()));
  const uploads = files.map((file, index) => s3.upload('out', String(index), file, { signal }));
  const outcomes = await Promise.allSettled(uploads);
  expect(outcomes.map(({ status }) => status)).toEqual(uploads.map(() => 'rejected'));
  // What others open now gets the numbers of whatever was closed.
  const others = await Promise.all(Array.from({ length: 2 * UPLOADS }, () => open(folder)));
  const after = await Promise.all(files.map((file) => file.stat().catch(() => undefined)));
  expect(after.map((stat) => stat?.ino)).toEqual(before.map(({ ino }) => ino));
  await Promise.all(files.map((file) => file.close()));
  const kept = await Promise.all(others.map((other) => other.stat().catch(() => undefined)));
  expect(kept.map((stat) => stat?.isDirectory())).toEqual(others.map(() => true));
  await Promise.all(others.map((other) => other.close()));
}, 60_000);
