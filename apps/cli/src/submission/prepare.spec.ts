import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Io } from '../terminal/io.js';
import { unusedIo } from '../unused-io.fixture.js';
import { baggageOf, resultsOf } from './prepare.js';

/** Own buckets of an account, as S3 lists them. */
let own: readonly string[];
const server = http.createServer((_, response) => {
  const buckets = own.map((name) => `<Bucket><Name>${name}</Name></Bucket>`).join('');
  response.end(`<ListAllMyBucketsResult><Buckets>${buckets}</Buckets></ListAllMyBucketsResult>`);
});
let io: Io;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-baggage-'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = { storageAccess: () => Promise.resolve({ url, accessKey: 'ada@example.org', secretKey: 's' }) };
  io = { ...unusedIo, client: () => client as unknown as ReturnType<Io['client']> };
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

const bucketFor = async (buckets: readonly string[]): Promise<string | undefined> => {
  own = buckets;
  return (await resultsOf(baggageOf(io), folder, false)).fields.resultBucket;
};

it('what is submitted goes into a bucket of the account, or into a new one whose name nobody can guess and make before', async () => {
  const [first, second] = [await bucketFor(['film']), await bucketFor([])];
  for (const name of [first, second]) expect(name).toMatch(/^fornax-submit-[0-9a-f]{16}$/);
  expect(first).not.toBe(second);
  expect(await bucketFor(['film', 'fornax-submit-mine'])).toBe('fornax-submit-mine');
});

it('what stays in a bucket that is named needs none', async () => {
  const elsewhere = await resultsOf(baggageOf(unusedIo), 'film/day-1', false);
  expect(elsewhere.fields).toEqual({ resultBucket: 'film', resultsBucketPrefix: 'day-1/' });
});
