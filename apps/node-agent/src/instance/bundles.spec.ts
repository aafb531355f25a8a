import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { decodeBundle } from '@fornax/contracts';
import { S3Client } from '@fornax/s3';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { listFiles } from '../files/list-files.js';
import { bundlesOf, storeTogether } from './bundles.js';

const file = (path: string, sizeBytes = 10) => ({ path, sizeBytes, mode: 0o100644, changedAt: 0, version: '' });

describe('bundles of files', () => {
  it('hold small files, so many and so large as one request takes', () => {
    expect(bundlesOf([file('a'), file('large', 70_000), file('b')])).toEqual([[file('a'), file('b')]]);
    const many = Array.from({ length: 300 }, (_, at) => file(String(at)));
    expect(bundlesOf(many).map(({ length }) => length)).toEqual([128, 128, 44]);
    const thick = Array.from({ length: 40 }, (_, at) => file(String(at), 60_000));
    expect(bundlesOf(thick).map(({ length }) => length)).toEqual([34, 6]);
    expect(bundlesOf([])).toEqual([]);
  });
});

describe('files that are stored together', () => {
  let folder = '';
  let server: Server;
  let s3: S3Client;
  let status = 200;
  const truthful = (count: number): string => `<StoreFilesResult><Count>${count}</Count></StoreFilesResult>`;
  let answer = truthful;
  let requests: Buffer[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-bundles-'));
    [status, requests, answer] = [200, [], truthful];
    server = createServer((request, response) => {
      void buffer(request).then((body) => {
        requests.push(body);
        response.writeHead(status).end(answer(decodeBundle(body)?.length ?? 0));
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    s3 = new S3Client({ accessKey: 'a', secretKey: 'b', endpoint: `http://127.0.0.1:${port}`, tries: 6 });
    await mkdir(join(folder, 'deep', 'er'), { recursive: true });
    for (const path of ['a', 'b', 'changed', 'gone', 'swapped', 'deep/er/c'])
      await writeFile(join(folder, path), `of ${path}`);
  });
  afterEach(async () => {
    s3.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  const { signal } = new AbortController();
  const store = async (): Promise<readonly string[]> => {
    const { files } = await listFiles(folder, { seenAs: '/job' });
    await writeFile(join(folder, 'changed'), 'of changed, and more');
    await rm(join(folder, 'gone'));
    await rm(join(folder, 'swapped'));
    await symlink('/etc/hostname', join(folder, 'swapped'));
    const patiently = <T>(work: () => Promise<T>): Promise<T> => work();
    const target = { bucket: 'bucket', prefix: 'run/' };
    const stored = await storeTogether(s3, folder, files, target, { signal, patiently, isLive: true });
    return stored.map((one) => one.file.path).sort();
  };

  it('are those that are what they were, in whichever folder', async () => {
    expect(await store()).toEqual(['a', 'b', 'deep/er/c']);
    const sent = requests.flatMap((body) => decodeBundle(body) ?? []);
    expect(sent.map(({ key, bytes }) => [key, Buffer.from(bytes).toString()]).sort()).toEqual([
      ['run/a', 'of a'],
      ['run/b', 'of b'],
      ['run/deep/er/c', 'of deep/er/c'],
    ]);
  });

  it('are none where the storage does not say that it has stored them', async () => {
    for (const said of ['', '<R/>', '<StoreFilesResult><Count>2</Count></StoreFilesResult>']) {
      answer = () => said;
      await rm(join(folder, 'swapped'), { force: true });
      for (const path of ['gone', 'swapped']) await writeFile(join(folder, path), path);
      expect(await store()).toEqual([]);
    }
  });

  it('are none where the storage says no, which is asked once', async () => {
    for (const no of [403, 501]) {
      [status, requests] = [no, []];
      await rm(join(folder, 'swapped'), { force: true });
      for (const path of ['gone', 'swapped']) await writeFile(join(folder, path), path);
      expect(await store()).toEqual([]);
      expect(requests).toHaveLength(1);
    }
  });
});
