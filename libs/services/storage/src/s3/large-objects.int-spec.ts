import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext, runInThisContext } from 'node:vm';
import type { Worker } from 'node:worker_threads';
import * as sdk from '@aws-sdk/client-s3';
import { UNSIGNED_PAYLOAD } from '@fornax/s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StorageUnderTest, type TestUser, signedHeaders } from '../storage.fixture.js';

const MIB = 1024 * 1024;
const SIZE_MIB = 256;
/** Of the server and its client, which are one process here. Whoever holds the object takes its size. What 5 GiB take of a process's memory is measured by the bench. */
const MOST_MIB = 64;
/** How often it is looked at what is held: whoever holds the object holds more at the second look than is allowed. A look collects the heap of the specs before this one too, which takes seconds. */
const LOOK_BYTES = 64 * MIB;
const Bucket = 'large';

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

const block = Buffer.alloc(MIB, 'fornax');
function* content(): Generator<Buffer> {
  for (let at = 0; at < SIZE_MIB; at += 1) yield block;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Bytes of buffers that somebody holds: what waits for the garbage collector is nobody's, and how much waits is up to the machine. */
const held = (): number => {
  collect();
  return process.memoryUsage().arrayBuffers;
};

/** Sends a request whose body is made while it is sent, and reads the answer away. @returns its status, and the most that buffers held more than before, in MiB */
const pass = async (method: string, path: string, sizeBytes: number) => {
  const before = held();
  let [most, passed] = [before, 0];
  const look = ({ byteLength }: Buffer): void => {
    const turn = Math.floor(passed / LOOK_BYTES);
    passed += byteLength;
    if (Math.floor(passed / LOOK_BYTES) > turn) most = Math.max(most, held());
  };
  const options = { method, path, payloadHash: UNSIGNED_PAYLOAD, accessKey: ada.email, secretKey: ada.token };
  const headers = { ...signedHeaders(storage.port, options), 'content-length': String(sizeBytes) };
  const answered = Promise.withResolvers<{ readonly status: number; readonly bytes: number }>();
  const message = request({ host: '127.0.0.1', port: storage.port, method, path, headers, agent: false }, (answer) => {
    let bytes = 0;
    const away = new Writable({
      write(chunk: Buffer, _encoding, done) {
        bytes += chunk.byteLength;
        look(chunk);
        done();
      },
    });
    pipeline(answer, away).then(() => answered.resolve({ status: answer.statusCode ?? 0, bytes }), answered.reject);
  });
  message.on('error', answered.reject);
  const body = sizeBytes === 0 ? [] : content();
  const watched = Readable.from(body, { objectMode: false }).on('data', look);
  pipeline(watched, message).catch(answered.reject);
  const { status, bytes } = await answered.promise;
  return { status, bytes, moreMiB: (most - before) / MIB };
};

describe('a large object', () => {
  it('is never held in memory, on its way in or out', async () => {
    const put = await pass('PUT', `/${Bucket}/k`, SIZE_MIB * MIB);
    expect(put.status).toBe(200);
    expect(put.moreMiB).toBeLessThan(MOST_MIB);
    const get = await pass('GET', `/${Bucket}/k`, 0);
    expect([get.status, get.bytes]).toEqual([200, SIZE_MIB * MIB]);
    expect(get.moreMiB).toBeLessThan(MOST_MIB);
  }, 180_000);
});

/** The folder's mark is written anew beside what goes on, so it says nothing about uploads. */
const MARK = /^mark(\.|$)/;

const files = async (): Promise<readonly string[]> =>
  (await readdir(storage.folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !MARK.test(entry.name))
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
    const uploads = await Promise.all(['a', 'b', 'c'].map((key) => beginUpload(`/${Bucket}/dies/${key}`, 16 * MIB)));
    expect(begun.length).toBeGreaterThan(0);
    await Promise.all(begun.map(async (worker) => Promise.all([once(worker, 'exit'), worker.terminate()])));
    for (const { status, body } of await Promise.all(uploads.map(({ finish }) => finish())))
      expect([status, /<Code>(.*?)<\/Code>/.exec(body)?.[1]]).toEqual([503, 'ServiceUnavailable']);
    const s3 = storage.s3(ada);
    expect((await s3.send(new sdk.ListObjectsV2Command({ Bucket, Prefix: 'dies/' }))).KeyCount).toBe(0);
    expect(await files()).toEqual(before);
    const { finish } = await beginUpload(`/${Bucket}/dies/next`, 4 * MIB);
    expect(await finish()).toMatchObject({ status: 200 });
    const stored = await s3.send(new sdk.GetObjectCommand({ Bucket, Key: 'dies/next' }));
    expect((await stored.Body?.transformToByteArray())?.length).toBe(4 * MIB);
  }, 60_000);
});
