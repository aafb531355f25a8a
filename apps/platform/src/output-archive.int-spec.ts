import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { LOG_HEADERS, logSubject } from '@fornax/contracts';
import type { TaskEvent } from '@fornax/domain';
import type { DurablePublisher, EventLog } from '@fornax/event-store';
import { EVENT_LOG, PUBLISHER } from '@fornax/service-kit';
import { createTestApp, type TestApp } from '@fornax/service-kit/specs';
import { newId } from '@fornax/base';
import { StorageModule } from '@fornax/storage';
import { SubmissionModule } from '@fornax/submission';
import {
  aLease,
  aRef,
  anEnd,
  concluded,
  createTestDatabase,
  dispatched,
  eventually,
  started,
  startTestNats,
} from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';

@Module({ imports: [SubmissionModule, StorageModule] })
class TwoServices {}

/** Size of a run that no process may hold. */
const TOTAL_BYTES = 100 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** What is held is looked at after each so many bytes, on the way in and on the way out. */
const LOOK_BYTES = 8 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Bytes that something still refers to: garbage, of which a busy machine leaves more lying about, does not count. */
const heldBytes = (): number => {
  // The second one waits until the buffers of the first are given back.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
};

let app: TestApp;
let release: () => Promise<void>;
const token = randomBytes(16).toString('hex');
const authorization = { authorization: token };

beforeAll(async () => {
  const [nats, database] = await Promise.all([startTestNats(), createTestDatabase()]);
  const folder = await mkdtemp(join(tmpdir(), 'fornax-output-'));
  const storagePort = String(await freePort());
  const env = {
    FORNAX_NATS_URL: nats.url,
    FORNAX_NATS_USER: nats.user,
    FORNAX_NATS_PASSWORD: nats.password,
    FORNAX_DATABASE_URL: database.url,
    FORNAX_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
    FORNAX_OBJECTS_DIR: folder,
    FORNAX_STORAGE_PORT: storagePort,
    FORNAX_STORAGE_URL: `http://127.0.0.1:${storagePort}`,
    FORNAX_BOOTSTRAP_EMAIL: 'ada@example.org',
    FORNAX_BOOTSTRAP_TOKEN: token,
  };
  Object.assign(process.env, env);
  app = await createTestApp(TwoServices, { env });
  release = async () => {
    await app.close();
    await nats.stop();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  };
  await eventually(async () => (await fetch(`${app.url}/info`, { headers: authorization })).status === 200);
}, 420_000);
afterAll(() => release());

const append = async (taskId: string, ...events: readonly TaskEvent[]): Promise<void> => {
  const log = app.app.get<EventLog>(EVENT_LOG);
  const before = await log.readAggregate('task', taskId);
  const meta = { actor: 'service:test' as const, source: 'test', correlationId: 'test' };
  await log.append('task', taskId, { id: newId(), events, meta, at: Date.now() }, before.at(-1)?.sequence ?? 0);
};

/** Random text that does not repeat, a chunk at a time. */
const chunkOf = (n: number): Buffer =>
  Buffer.from(`${createHash('sha256').update(String(n)).digest('hex')}\n`.repeat(CHUNK_BYTES / 65 + 1)).subarray(
    0,
    CHUNK_BYTES,
  );

/** What an answer holds, without holding it. `look` is called now and then. */
const digestOf = async (path: string, look: () => void): Promise<{ status: number; bytes: number; hash: string }> => {
  const response = await fetch(`${app.url}${path}`, { headers: authorization });
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    hash.update(piece);
    const before = bytes;
    bytes += piece.length;
    if (Math.floor(before / LOOK_BYTES) !== Math.floor(bytes / LOOK_BYTES)) look();
  }
  return { status: response.status, bytes, hash: hash.digest('hex') };
};

/** Does the platform say that it has all that was printed? */
const isTakenIn = async (route: string): Promise<boolean> => {
  const { headers } = await fetch(`${app.url}${route}?offset=${TOTAL_BYTES}&limit=0`, { headers: authorization });
  return headers.get('fornax-end') === 'true' && headers.get('fornax-total-bytes') === String(TOTAL_BYTES);
};

const query = async (sql: string, parameters: readonly unknown[]): Promise<number> => {
  const db = app.app.get<DataSource>(getDataSourceToken('output'));
  const [row] = await db.query<{ value: string }[]>(sql, [...parameters]);
  return Number(row?.value);
};
const keptBytes = (taskId: string): Promise<number> =>
  query('SELECT coalesce(sum(size_bytes), 0) AS value FROM log_chunk WHERE task_id = $1', [taskId]);
const objects = (taskId: string): Promise<number> =>
  query("SELECT count(*) AS value FROM storage.object WHERE bucket = '.output' AND key LIKE $1", [`${taskId}/%`]);

describe('100 MB of output of one instance', () => {
  it('are taken in, moved to the storage service and given back, without growing the process or the database', async () => {
    const submitted = await fetch(`${app.url}/tasks`, {
      method: 'POST',
      headers: { ...authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'loud', profile: 'docker-batch', instanceCount: 1 }),
    });
    const { uuid } = (await submitted.json()) as { uuid: string };
    await append(uuid, dispatched(aLease(0)), started(aRef(0)));
    const before = heldBytes();
    const held: number[] = [];
    const look = (): void => void held.push(heldBytes() - before);
    const publisher = app.app.get<DurablePublisher>(PUBLISHER);
    const printed = createHash('sha256');
    let mostKept = 0;
    for (let offset = 0; offset < TOTAL_BYTES; offset += CHUNK_BYTES) {
      const data = chunkOf(offset);
      printed.update(data);
      const headers = { [LOG_HEADERS.lease]: '0/1', [LOG_HEADERS.offset]: String(offset), [LOG_HEADERS.attempt]: '1' };
      await publisher.publish(logSubject('node-1', uuid, 0, 'stdout'), data, { headers });
      if (offset % LOOK_BYTES === 0) look();
      if (offset % (8 * CHUNK_BYTES) === 0) mostKept = Math.max(mostKept, await keptBytes(uuid));
    }
    await append(uuid, concluded(anEnd(0)));
    const route = `/fornax/v1/tasks/${uuid}/instances/0/stdout`;
    // Taken in whole, and moved whole.
    look();
    await eventually(async () => (await isTakenIn(route)) && (await keptBytes(uuid)) === 0, { timeoutMs: 60_000 });
    look();
    const expected = { status: 200, bytes: TOTAL_BYTES, hash: printed.digest('hex') };
    expect(await digestOf(route, look)).toEqual(expected);
    const shown = await digestOf(`/tasks/${uuid}/stdout/0`, look);
    expect(shown.bytes).toBeLessThanOrEqual(64 * 1024 * 1024 + 200);
    expect(shown.bytes).toBeGreaterThan(59 * 1024 * 1024);
    // This writer does not ask whether it may go on, as nodes of earlier releases: it is stopped at four times 16 MiB, and a batch of 8 more may be on its way.
    expect(mostKept).toBeLessThanOrEqual((4 * 16 + 8) * 1024 * 1024);
    // This process is everything at once: both services, the writer and the reader.
    expect(held.length).toBeGreaterThan(30);
    // Batches of 8 MiB: some on their way in, one of them as text for the rows, and one in a segment.
    expect(Math.max(...held)).toBeLessThan(80 * 1024 * 1024);

    expect(await objects(uuid)).toBeGreaterThan(20);
    await fetch(`${app.url}/tasks/${uuid}`, { method: 'DELETE', headers: authorization });
    await eventually(async () => (await objects(uuid)) === 0, { timeoutMs: 60_000 });
  }, 420_000);
});
