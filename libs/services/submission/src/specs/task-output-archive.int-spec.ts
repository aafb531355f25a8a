import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  nodeRpcSubject,
  outputReadReplySchema,
  type OutputReadReply,
  STREAMS,
  taskLogsSubject,
} from '@fornax/contracts';
import { rpcReplySchema } from '@fornax/base';
import { managerOf, type Nats } from '@fornax/event-store';
import { NATS } from '@fornax/service-kit';
import { anEnd, aLease, aRef, concluded, dispatched, eventually, started } from '@fornax/testing';
import { startHarness, submitTo, type Harness } from './submission.fixture.js';
import { startObjectStorage, type ObjectStorage } from '@fornax/service-kit/storage-specs';
import { bytesOf, TailReader } from './tail-reader.fixture.js';

const KEEP = 32_768;
const SHOW = 65_536;
const masterKey = Buffer.alloc(32, 7);

let harness: Harness;
let storage: ObjectStorage;
beforeAll(async () => {
  storage = await startObjectStorage(masterKey);
  harness = await startHarness({
    FORNAX_MASTER_KEY: masterKey.toString('base64'),
    FORNAX_LOG_KEEP_BYTES: String(KEEP),
    FORNAX_LOG_KEEP_ENDED_BYTES: '4096',
    FORNAX_LOG_SHOW_BYTES: String(SHOW),
    FORNAX_STORAGE_URL: storage.url,
  });
}, 120_000);
afterAll(async () => {
  await harness.close();
  await storage.close();
});
beforeEach(() => storage.setThere(true));

const begin = async (instanceCount = 1): Promise<string> => {
  const uuid = await submitTo(harness, { instanceCount });
  const instances = Array.from({ length: instanceCount }, (_, n) => n);
  await harness.happen(uuid, dispatched(...instances.map((n) => aLease(n))), started(...instances.map((n) => aRef(n))));
  return uuid;
};
const line = (n: number): string => `${String(n).padStart(996, '·').slice(-600)}\n`;
const printLines = async (uuid: string, from: number, to: number, instance = (_: number) => 0): Promise<void> => {
  for (let n = from; n < to; n++) await harness.print(uuid, instance(n), line(n));
};
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, n) => line(from + n)).join('');
const read = async (path: string): Promise<string> => (await harness.call('GET', path)).text;
const keptBytes = async (uuid: string): Promise<number> => {
  const rows = await harness.query(
    'SELECT coalesce(sum(size_bytes), 0) AS bytes FROM output.log_chunk WHERE task_id = $1',
    [uuid],
  );
  return Number((rows[0] as { bytes: string }).bytes);
};
/** All output of the task is taken in, and what should leave the database has left it. */
const settled = async (uuid: string, atMost = KEEP): Promise<void> => {
  await read(`/tasks/${uuid}/stdout`);
  await eventually(async () => (await keptBytes(uuid)) <= atMost);
};
const objectsOf = (uuid: string): readonly string[] =>
  [...storage.objects.keys()].filter((key) => key.startsWith(uuid));

/** What a node is told that asks how far its output was read. */
const asked = async (reach: number, ...tasks: readonly string[]): Promise<OutputReadReply> => {
  const nats = harness.test.app.get<Nats>(NATS);
  const question = JSON.stringify({ reach, tasks });
  const reply = await nats.request(nodeRpcSubject('node-1', 'output-read'), question, { timeout: 30_000 });
  const answer = rpcReplySchema.parse(reply.json());
  return outputReadReplySchema.parse('ok' in answer ? answer.ok : answer);
};
const headOfOutput = async (): Promise<number> => {
  const { streams } = await managerOf(harness.test.app.get<Nats>(NATS));
  return (await streams.info(STREAMS.logs)).state.last_seq;
};

describe('output that outgrows the database', () => {
  it('moves to object storage, and is all there: whole, by instance, in ranges, in a tail', async () => {
    const uuid = await begin(3);
    await printLines(uuid, 0, 240, (n) => n % 3);
    await settled(uuid);
    expect(objectsOf(uuid).length).toBeGreaterThan(0);
    const expected = Array.from({ length: 240 }, (_, n) => `${n % 3}> ${line(n)}`).join('');
    expect(await read(`/fornax/v1/tasks/${uuid}/stdout`)).toBe(expected);
    const ofOne = Buffer.from(Array.from({ length: 80 }, (_, n) => line(3 * n + 1)).join(''));
    const route = `/fornax/v1/tasks/${uuid}/instances/1/stdout`;
    expect(await read(route)).toBe(ofOne.toString());
    for (let offset = 0; offset < ofOne.length; offset += 7_777) {
      const answer = await harness.call('GET', `${route}?offset=${offset}&limit=9000`);
      expect(Number(answer.headers.get('fornax-next-offset'))).toBe(Math.min(ofOne.length, offset + 9000));
      expect(answer.headers.get('fornax-total-bytes')).toBe(String(ofOne.length));
      expect(answer.text).toBe(ofOne.subarray(offset, offset + 9000).toString());
    }
    const tail = await TailReader.open(`${harness.test.url}${route}/tail`, harness.token);
    const last = line(238);
    const events = await tail.until(({ data }) => data.text?.endsWith(last) === true);
    expect(bytesOf(events).toString()).toBe(ofOne.toString());
    tail.close();
  }, 60_000);

  it('is shown with a mark where the contract’s reads show less than everything', async () => {
    const uuid = await begin();
    await printLines(uuid, 0, 150);
    await settled(uuid);
    const all = lines(0, 150);
    for (const [path, whole, strip] of [
      [`/tasks/${uuid}/stdout`, `/fornax/v1/tasks/${uuid}/stdout`, '0> '],
      [`/tasks/${uuid}/stdout/0`, `/fornax/v1/tasks/${uuid}/instances/0/stdout`, ''],
    ] as const) {
      const text = await read(path);
      const [mark = '', ...rest] = text.split('\n');
      const [, leftOut = ''] =
        /^\[(\d+) bytes of older output were left out; the whole text: GET (.*)\]$/.exec(mark) ?? [];
      expect(mark).toContain(`the whole text: GET ${whole}]`);
      const shown = rest.map((one) => (one.startsWith(strip) ? one.slice(strip.length) : one)).join('\n');
      expect(Buffer.byteLength(shown) + Number(leftOut)).toBe(Buffer.byteLength(all));
      expect(all.endsWith(shown)).toBe(true);
      expect(Buffer.byteLength(shown)).toBeLessThanOrEqual(SHOW);
    }
  }, 60_000);

  it('is given once by fresh reads, also by one that comes late', async () => {
    const uuid = await begin();
    await printLines(uuid, 0, 20);
    const first = (await harness.call('POST', `/tasks/${uuid}/stdout/0`)).text;
    await printLines(uuid, 20, 140);
    await settled(uuid);
    const second = (await harness.call('POST', `/tasks/${uuid}/stdout/0`)).text;
    expect(first + second).toBe(lines(0, 140));
    expect((await harness.call('POST', `/tasks/${uuid}/stdout/0`)).text).toBe('');
  }, 60_000);

  it('leaves the database when its task is over, and survives a restart', async () => {
    const uuid = await begin();
    await printLines(uuid, 0, 15);
    await harness.happen(uuid, concluded(anEnd(0)));
    await settled(uuid, 4096);
    await harness.restart();
    expect(await read(`/tasks/${uuid}/stdout/0`)).toBe(lines(0, 15));
    const answer = await harness.call('GET', `/fornax/v1/tasks/${uuid}/instances/0/stdout`, undefined, {
      headers: { range: 'bytes=-100' },
    });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('fornax-end')).toBe('true');
    expect(answer.text).toBe(Buffer.from(lines(0, 15)).subarray(-100).toString());
  }, 60_000);

  it('is deleted with its task', async () => {
    const uuid = await begin();
    await printLines(uuid, 0, 60);
    await settled(uuid);
    expect(objectsOf(uuid).length).toBeGreaterThan(0);
    await harness.happen(uuid, concluded(anEnd(0)));
    // On a busy machine the rows may not know of the end yet.
    await eventually(async () => (await harness.call('DELETE', `/tasks/${uuid}`)).status < 300, { timeoutMs: 30_000 });
    await eventually(() => objectsOf(uuid).length === 0, { timeoutMs: 40_000 });
    await harness.print(uuid, 0, 'too late\n');
    await harness.print(await begin(), 0, 'in time\n');
    await eventually(async () => (await harness.query('SELECT 1 FROM output.log_garbage')).length === 0);
    const { streams } = await managerOf(harness.test.app.get<Nats>(NATS));
    await eventually(async () => {
      const { state } = await streams.info(STREAMS.logs, { subjects_filter: taskLogsSubject(uuid) });
      return Object.keys(state.subjects ?? {}).length === 0;
    });
    for (const table of ['log_chunk', 'log_stream', 'log_segment', 'log_archived', 'log_part', 'log_attempt'])
      expect(await harness.query(`SELECT 1 FROM output.${table} WHERE task_id = $1`, [uuid])).toEqual([]);
  }, 240_000);

  it('leaves no object behind when the task is deleted while one is written', async () => {
    const uuid = await begin();
    await harness.happen(uuid, concluded(anEnd(0)));
    storage.onNextPut(async () => {
      await harness.call('DELETE', `/tasks/${uuid}`);
      await eventually(
        async () => (await harness.query('SELECT 1 FROM output.log_stream WHERE task_id = $1', [uuid])).length === 0,
      );
    });
    await printLines(uuid, 0, 15);
    await eventually(
      async () =>
        (await harness.query('SELECT 1 FROM output.log_forgotten WHERE task_id = $1', [uuid])).length === 1 &&
        (await harness.query('SELECT 1 FROM output.log_garbage')).length === 0 &&
        objectsOf(uuid).length === 0,
      { timeoutMs: 30_000 },
    );
  }, 60_000);

  it('of an earlier attempt is not shown from there either', async () => {
    const uuid = await begin();
    await printLines(uuid, 0, 60);
    await settled(uuid);
    await harness.happen(
      uuid,
      { type: 'InstancesRequeued', attempts: [anEnd(0, { outcome: 'failure', cause: 'node-lost' })], at: 2_000 },
      dispatched(aLease(0, { attempt: 2 })),
    );
    expect(await read(`/tasks/${uuid}/stdout`)).toBe('');
    expect(await read(`/fornax/v1/tasks/${uuid}/instances/0/stdout`)).toBe('');
    await harness.print(uuid, 0, 'again\n', { attempt: 2 });
    expect(await read(`/tasks/${uuid}/stdout/0`)).toBe('again\n');
    expect(await read(`/fornax/v1/tasks/${uuid}/instances/0/stdout`)).toBe('again\n');
  }, 60_000);
});

describe('object storage that is away', () => {
  it('holds nothing up: output is kept, the oldest of very much is lost and said so, and the rest moves later', async () => {
    storage.setThere(false);
    const uuid = await begin();
    await printLines(uuid, 0, 90);
    await read(`/tasks/${uuid}/stdout`);
    expect(await keptBytes(uuid)).toBe(Buffer.byteLength(lines(0, 90)));
    expect(await read(`/tasks/${uuid}/stdout/0`)).toBe(lines(0, 90));
    await printLines(uuid, 90, 200);
    const text = await read(`/tasks/${uuid}/stdout/0`);
    expect(await keptBytes(uuid)).toBeLessThanOrEqual(KEEP * 4);
    const [mark = '', ...rest] = text.split('\n');
    const [, lost = ''] = /^\[(\d+) bytes of output were lost: they could not be stored\]$/.exec(mark) ?? [];
    expect(Number(lost) + Buffer.byteLength(rest.join('\n'))).toBe(Buffer.byteLength(lines(0, 200)));
    const range = await harness.call('GET', `/fornax/v1/tasks/${uuid}/instances/0/stdout`);
    expect([range.headers.get('fornax-offset'), range.text]).toEqual([lost, rest.join('\n')]);
    storage.setThere(true);
    await settled(uuid);
    expect(await read(`/fornax/v1/tasks/${uuid}/instances/0/stdout`)).toBe(rest.join('\n'));
  }, 60_000);

  it('is an answer of its own for who reads what lies there', async () => {
    const uuid = await begin();
    await printLines(uuid, 0, 60);
    await settled(uuid);
    await harness.restart();
    storage.setThere(false);
    const answer = await harness.call('GET', `/tasks/${uuid}/stdout`);
    expect([answer.status, answer.json()['message']]).toEqual([
      503,
      'Stored output cannot be reached now. Please try again.',
    ]);
  }, 60_000);

  it('in the middle of a move changes nothing, and leaves nothing behind', async () => {
    const uuid = await begin();
    const broken = new Promise<void>((resolve) =>
      storage.onNextPut(async () => {
        storage.setThere(false);
        resolve();
      }),
    );
    await printLines(uuid, 0, 60);
    await broken;
    expect(await read(`/fornax/v1/tasks/${uuid}/stdout`)).toContain(`0> ${line(0)}`);
    storage.setThere(true);
    await settled(uuid);
    expect(await read(`/fornax/v1/tasks/${uuid}/instances/0/stdout`)).toBe(lines(0, 60));
    await eventually(async () => {
      const known = await harness.query('SELECT 1 FROM output.log_segment WHERE task_id = $1 AND is_stored', [uuid]);
      return objectsOf(uuid).length === known.length;
    });
  }, 60_000);
});

describe('a node that asks how far its output was read', () => {
  it('hears it when that is so, and at once of what is in no stream any more', async () => {
    const uuid = await begin();
    await printLines(uuid, 0, 5);
    const head = await headOfOutput();
    const { read: upTo, windowBytes } = await asked(head, uuid);
    expect(upTo).toBeGreaterThanOrEqual(head);
    expect(windowBytes).toBeGreaterThan(0);
    // Of a stream that was wiped since.
    expect((await asked(head + 1_000)).read).toBe(head + 1_000);
  }, 60_000);

  it('hears which tasks must wait for the archive, those alone, and none while that is away', async () => {
    const [behind, other] = [await begin(), await begin()];
    await printLines(behind, 0, 1);
    await printLines(other, 0, 1);
    const head = await headOfOutput();
    expect((await asked(head, behind, other)).held).toEqual([]);
    const fall = 'UPDATE output.log_stream SET kept_bytes = $2 WHERE task_id = $1';
    await harness.query(fall, [behind, 2 * KEEP]);
    expect((await asked(head, behind, other)).held).toEqual([]);
    await harness.query(fall, [behind, 2 * KEEP + 1]);
    expect((await asked(head, behind, other)).held).toEqual([behind]);
    expect((await asked(head, other)).held).toEqual([]);
    storage.setThere(false);
    await harness.query(fall, [behind, 100 * KEEP]);
    await printLines(behind, 1, 80);
    await eventually(async () => (await asked(head, behind)).held.length === 0, { timeoutMs: 30_000 });
    storage.setThere(true);
    await settled(behind);
  }, 60_000);
});
