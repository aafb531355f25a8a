import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NatsConnection } from '@nats-io/nats-core';
import { EVENT_HEADERS, STREAMS, eventSubject } from '@fornax/contracts';
import {
  type TestNats,
  aCommit,
  bucketCreated,
  cancelRequested,
  damageStore,
  eventually,
  startTestNats,
  submitted,
} from '@fornax/testing';
import { LogDamaged } from '../log/event-log.js';
import { connectNats } from '../jetstream/connection.js';
import { DurablePublisher } from '../jetstream/durable-publisher.js';
import { JetStreamLog } from '../jetstream-log/jetstream.event-log.js';
import { managerOf } from '../jetstream/streams.js';
import { isDamage } from '../quarantine/entries.js';

const SLOW_MS = 120_000;
const TASKS = 40;
/** Of task `t20`. */
const CHANGED = 21;
const idsFrom = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `t${from + index}`);

let server: TestNats;
let nc: NatsConnection;
let log: JetStreamLog;
let over: AbortController;

const connect = async (): Promise<void> => {
  nc = await connectNats({ ...server, name: 'test' });
  log = await JetStreamLog.open(nc);
};
const disconnect = async (): Promise<void> => {
  log.close();
  await nc.close();
};
const submit = (id: string, on = log) => on.append('task', id, aCommit(`submit-${id}`, [submitted(id)]), 0);

/** One commit for each task, 1 to 40, then a second one of `t20`, 41. */
const fill = async (): Promise<void> => {
  for (const id of idsFrom(0, TASKS - 1)) await submit(id);
  await log.append('task', 't20', aCommit('cancel-t20', [cancelRequested]), CHANGED);
};

const damage = async (how: (store: ReturnType<typeof damageStore>) => Promise<void>): Promise<void> => {
  await disconnect();
  await server.stop();
  await how(damageStore(server.dataDir, STREAMS.events));
  await server.start();
  await connect();
};

/** What a follower was given, and why it stands. */
const follow = (from = 1, on = log) => {
  const seen: number[] = [];
  const errors: unknown[] = [];
  let position = from - 1;
  const options = {
    from,
    signal: over.signal,
    onError: (error: unknown) => errors.push(error),
    onProgress: (sequence: number) => void (position = sequence),
  };
  const done = on.subscribe(options, async (batch) => void seen.push(...batch.map(({ sequence }) => sequence)));
  return { seen, errors, done, position: () => position };
};

const drop = (id: string, on = log) =>
  on.quarantine.decide(id, { kind: 'dropped', by: 'user:root', at: 1, reason: 'no copy is left' });

const readAll = async (options: { readonly despiteDamage?: boolean } = {}): Promise<readonly number[]> => {
  const all: number[] = [];
  for await (const batch of log.read({ from: 1, ...options })) all.push(...batch.map(({ sequence }) => sequence));
  return all;
};

beforeEach(async () => {
  server = await startTestNats();
  over = new AbortController();
  await connect();
}, SLOW_MS);
afterEach(async () => {
  over.abort();
  await disconnect();
  await server.stop();
}, SLOW_MS);

const sequences = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('a log whose last block was cut off', () => {
  it(
    'is known to be damaged when it is opened, and is followed up to the gap alone, until an operator decides',
    async () => {
      await fill();
      await damage((store) => store.truncateBefore('fx.ev.task.t30'));
      expect(log.damagedPlaces()).toMatchObject([{ id: 'gap-31-41', from: 31, through: 41, isGivenUp: false }]);
      expect(log.quarantine.list().filter(isDamage)).toHaveLength(1);

      const follower = follow();
      await eventually(() => follower.errors.length > 0);
      expect(follower.seen).toEqual(sequences(1, 30));
      expect(follower.errors[0]).toBeInstanceOf(LogDamaged);
      expect(String(follower.errors[0])).toMatch(/sequences 31 to 41 are missing.*quarantine drop gap-31-41/);
      await expect(readAll()).rejects.toBeInstanceOf(LogDamaged);
      expect(await readAll({ despiteDamage: true })).toEqual(sequences(1, 30));

      await drop('gap-31-41');
      await eventually(() => follower.position() === 41);
      expect(await submit('later')).toBe(42);
      await eventually(() => follower.seen.length === 31);
      expect(follower.seen.at(-1)).toBe(42);
      expect(await readAll()).toEqual([...sequences(1, 30), 42]);
      over.abort();
      await follower.done;
    },
    SLOW_MS,
  );

  it(
    'is known to every process, also to one that has not met the damage',
    async () => {
      await fill();
      await damage((store) => store.truncateBefore('fx.ev.task.t39'));
      const other = await JetStreamLog.open(nc);
      await drop('gap-40-41', other);
      await eventually(() => log.damagedPlaces().every(({ isGivenUp }) => isGivenUp));
      expect((await (await JetStreamLog.open(nc)).head()).sequence).toBe(41);
    },
    SLOW_MS,
  );
});

describe('a log with one changed bit', () => {
  it(
    'says nothing of it by itself; whoever reads it stops there, and nobody is given what is behind',
    async () => {
      await fill();
      await log.append('bucket', 'b', aCommit('bucket-b', [bucketCreated('b')]), 0);
      await damage((store) => store.flipBitIn('correlation-submit-t20'));
      const { state } = await (await managerOf(nc)).streams.info(STREAMS.events);
      expect(state).toMatchObject({ messages: 42, last_seq: 42 });
      expect(log.damagedPlaces()).toEqual([]);
      expect((await log.verify({ from: 1, most: 20 })).damage).toEqual([]);

      const follower = follow();
      await eventually(() => follower.errors.length > 0);
      expect(follower.seen).toEqual(sequences(1, 20));
      expect(log.damagedPlaces()).toMatchObject([{ from: CHANGED, through: CHANGED, isGivenUp: false }]);
      // Those who ask for its aggregate alone notice by the commit behind it, which names it.
      await expect(log.readAggregate('task', 't20')).rejects.toBeInstanceOf(LogDamaged);
      expect(await log.readAggregate('task', 't19')).toHaveLength(1);
      await expect(async () => {
        for await (const batch of log.read({ from: 1, aggregates: ['task'] })) void batch;
      }).rejects.toBeInstanceOf(LogDamaged);

      const found = await log.verify({ from: 15, most: 1_000 });
      expect(found).toMatchObject({ from: 15, to: 42, commits: 27, withoutChecksum: 0 });
      expect(found.damage).toMatchObject([{ id: 'gap-21-21', isGivenUp: false }]);

      await drop('gap-21-21');
      expect((await log.verify({ from: 15, most: 1_000 })).damage).toMatchObject([{ isGivenUp: true }]);
      await eventually(() => follower.seen.length === 41);
      expect(await log.readAggregate('task', 't20')).toHaveLength(1);
      over.abort();
      await follower.done;
    },
    SLOW_MS,
  );
});

describe('a log whose last commits have a changed bit each', () => {
  it(
    'is known to be damaged when it is opened, since nothing behind them would show it, and goes on once they are given up',
    async () => {
      await fill();
      await damage(async (store) => {
        await store.flipBitIn('correlation-cancel-t20');
        await store.flipBitIn('correlation-submit-t39');
      });
      const { state } = await (await managerOf(nc)).streams.info(STREAMS.events);
      expect(state).toMatchObject({ messages: 41, last_seq: 41 });
      expect(log.damagedPlaces()).toMatchObject([{ id: 'gap-40-41', from: 40, through: 41, isGivenUp: false }]);
      const follower = follow();
      await eventually(() => follower.errors.length > 0);
      expect(follower.seen).toEqual(sequences(1, 39));
      await drop('gap-40-41');
      await eventually(() => follower.position() === 41);
      expect(await submit('later')).toBe(42);
      await eventually(() => follower.seen.at(-1) === 42);
      over.abort();
      await follower.done;
    },
    SLOW_MS,
  );

  it(
    'is known to whoever had read them when the server came back',
    async () => {
      await fill();
      const follower = follow();
      await eventually(() => follower.seen.length === 41);
      await server.stop();
      await damageStore(server.dataDir, STREAMS.events).flipBitIn('correlation-cancel-t20');
      await server.start();
      await eventually(() => log.damagedPlaces().some(({ id }) => id === 'gap-41-41'), { timeoutMs: 60_000 });
      over.abort();
      await follower.done;
    },
    SLOW_MS,
  );
});

describe('a commit that holds other bytes than were appended', () => {
  /** What no server notices: the message is stored well, but it is not what its writer sent. */
  const forge = async (checksum: string | undefined): Promise<void> => {
    await submit('a');
    const stored = await log.messageAt(1);
    const data = Buffer.from(
      String(Buffer.from(stored?.data ?? []))
        .replaceAll('ada', 'eve')
        .replaceAll('task/a', 'task/b'),
    );
    const publisher = new DurablePublisher(nc);
    const subject = eventSubject('task', 'b');
    const headers = checksum === undefined ? {} : { [EVENT_HEADERS.checksum]: checksum };
    await publisher.publish(subject, data, { msgId: `${subject}/submit-a`, headers });
    publisher.close();
  };

  it('stops whoever reads it, and is left out once an operator has said so', async () => {
    await forge(`sha256-${'A'.repeat(43)}`);
    await submit('c');
    const follower = follow();
    await eventually(() => follower.errors.length > 0);
    expect(follower.seen).toEqual([1]);
    expect(String(follower.errors[0])).toMatch(/sequence 2: its checksum does not match.*drop events-2/);
    await expect(log.readAggregate('task', 'b')).rejects.toBeInstanceOf(LogDamaged);
    await drop('events-2');
    await eventually(() => follower.seen.length === 2);
    expect(follower.seen).toEqual([1, 3]);
    // The aggregate goes on behind it.
    expect(await submit('b')).toBe(4);
    over.abort();
    await follower.done;
  });

  it('is read as before where it is older than checksums', async () => {
    await forge(undefined);
    expect(await log.readAggregate('task', 'b')).toHaveLength(1);
    expect(log.damagedPlaces()).toEqual([]);
  });

  it('is checked also where commits came together', async () => {
    await Promise.all(idsFrom(0, 9).map((id) => submit(id)));
    for (const sequence of sequences(1, 10))
      expect((await log.messageAt(sequence))?.header(EVENT_HEADERS.checksum)).toMatch(/^sha256-[\w-]{43}$/);
    expect(await readAll()).toEqual(sequences(1, 10));
  });
});
