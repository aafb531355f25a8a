import { request } from 'node:http';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as sdk from '@aws-sdk/client-s3';
import { UNSIGNED_PAYLOAD } from '@fornax/s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StorageUnderTest, type TestUser, signedHeaders } from '../storage.fixture.js';

const MIB = 1024 * 1024;
const SIZE_MIB = 256;
/** Of the server and its client, which are one process here. Whoever holds the object takes its size. What 5 GiB take of a process's memory is measured by the bench. */
const MOST_MIB = 64;
/** How often it is looked at what is held. */
const LOOK_BYTES = 8 * MIB;
const Bucket = 'large';

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
