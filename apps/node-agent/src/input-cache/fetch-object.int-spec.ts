import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { S3Client } from '@fornax/s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { ObjectServer } from '../node/agent.fixture.js';
import { DamagedObject, fetchObject } from './fetch-object.js';

let server: ObjectServer;
let s3: S3Client;
let folder: string;
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-fetch-'));
  server = await ObjectServer.open();
  s3 = new S3Client({ endpoint: server.url, accessKey: 'a', secretKey: 's', sessionToken: 'token' });
});
afterAll(async () => {
  s3.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  server.objects.clear();
  server.requests.length = 0;
});

const listed = async () => {
  const [object] = await s3.listObjects('in');
  if (!object) throw new Error('nothing is listed');
  return { bucket: 'in', ...object };
};
const target = (): string => join(folder, String((files += 1)));
const live = new AbortController().signal;

describe('fetching an object', () => {
  it('goes on where its connection broke, and ends with the bytes that the checksum is of', async () => {
    const bytes = randomBytes(300_000);
    server.objects.set('in/k', bytes);
    server.modes.set('in/k', '33261');
    server.cuts.push(100_000, 150_000, 0);
    const file = target();
    expect(await fetchObject(s3, await listed(), file, live)).toMatchObject({ sizeBytes: 300_000, isExecutable: true });
    expect((await readFile(file)).equals(bytes)).toBe(true);
    expect(server.cuts).toEqual([]);
    expect(server.requests.filter((request) => request === 'GET in/k')).toHaveLength(4);
  });

  it('gives up after breaks without a byte', async () => {
    server.objects.set('in/k', Buffer.from('hello'));
    server.cuts.push(...Array.from({ length: 6 }, () => 0));
    await expect(fetchObject(s3, await listed(), target(), live)).rejects.toThrow();
    expect(server.cuts).toEqual([]);
  });

  it('never mixes two versions, nor takes what its checksum is not of', async () => {
    server.objects.set('in/k', Buffer.from('first version'));
    const before = await listed();
    server.objects.set('in/k', Buffer.from('other version'));
    await expect(fetchObject(s3, before, target(), live)).rejects.toMatchObject({ status: 412 });
    const wrong = { ...(await listed()), etag: '' };
    await expect(fetchObject(s3, { ...wrong, sizeBytes: 3 }, target(), live)).rejects.toThrow(DamagedObject);
  });

  it('brings an empty object', async () => {
    server.objects.set('in/k', Buffer.alloc(0));
    expect(await fetchObject(s3, await listed(), target(), live)).toMatchObject({ sizeBytes: 0 });
  });
});
