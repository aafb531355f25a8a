import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { runInThisContext } from 'node:vm';
import type { Worker } from 'node:worker_threads';

import * as sdk from '@aws-sdk/client-s3';
import { UNSIGNED_PAYLOAD } from '@fornax/s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StorageUnderTest, type TestUser, signedHeaders } from '../storage.fixture.js';

const MIB = 1024 * 1024;
const Bucket = 'hashed';
/** Threads as they begin: the process tells, not the copy of it that specs have. */
const begun: Worker[] = [];
(runInThisContext('process') as NodeJS.Process).on('worker', (worker) => void begun.push(worker));

let storage: StorageUnderTest;
let ada: TestUser;
beforeAll(async () => {
  storage = await StorageUnderTest.start();
  ada = await storage.user('ada@example.org');
  await storage.s3(ada).send(new sdk.CreateBucketCommand({ Bucket }));
}, 180_000);
afterAll(async () => storage.stop());

const files = async (): Promise<readonly string[]> =>
  (await readdir(storage.folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();

/** An upload that waits with half of its content. */
const beginUpload = async (path: string, sizeBytes: number) => {
  const options = { method: 'PUT', path, payloadHash: UNSIGNED_PAYLOAD, accessKey: ada.email, secretKey: ada.token };
  const headers = { ...signedHeaders(storage.port, options), 'content-length': String(sizeBytes) };
  const message = request({ host: '127.0.0.1', port: storage.port, method: 'PUT', path, headers, agent: false });
  const answered = Promise.withResolvers<{ readonly status: number; readonly body: string }>();
  message.on('response', (response) => {
    text(response).then((body) => answered.resolve({ status: response.statusCode ?? 0, body }), answered.reject);
  });
  message.on('error', answered.reject);
  await new Promise<void>((sent) => message.write(Buffer.alloc(sizeBytes / 2, 'x'), () => sent()));
  return {
    finish: () => {
      message.end(Buffer.alloc(sizeBytes / 2, 'x'));
      return answered.promise;
    },
  };
};

describe('threads that hash', () => {
  it('are told of as 503 when they die under uploads, which leave nothing; the next upload is stored', async () => {
    const before = await files();
    const uploads = await Promise.all(['a', 'b', 'c'].map((key) => beginUpload(`/${Bucket}/${key}`, 16 * MIB)));
    expect(begun.length).toBeGreaterThan(0);
    await Promise.all(begun.map(async (worker) => Promise.all([once(worker, 'exit'), worker.terminate()])));
    for (const { status, body } of await Promise.all(uploads.map(({ finish }) => finish())))
      expect([status, /<Code>(.*?)<\/Code>/.exec(body)?.[1]]).toEqual([503, 'ServiceUnavailable']);
    const s3 = storage.s3(ada);
    expect((await s3.send(new sdk.ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
    expect(await files()).toEqual(before);
    const { finish } = await beginUpload(`/${Bucket}/next`, 4 * MIB);
    expect(await finish()).toMatchObject({ status: 200 });
    const stored = await s3.send(new sdk.GetObjectCommand({ Bucket, Key: 'next' }));
    expect((await stored.Body?.transformToByteArray())?.length).toBe(4 * MIB);
  }, 60_000);
});
