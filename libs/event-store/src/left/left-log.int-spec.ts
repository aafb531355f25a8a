import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LEFT_ID, STREAMS, type RecordedCommit } from '@fornax/contracts';
import {
  type TestNats,
  aCommit,
  bucketCreated,
  cancelRequested,
  eventually,
  startTestNats,
  submitted,
} from '@fornax/testing';
import type { NatsConnection } from '@nats-io/nats-core';
import type { ArchivedMessage } from '../archive/archived-message.js';
import { connectNats } from '../jetstream/connection.js';
import { managerOf } from '../jetstream/streams.js';
import { JetStreamLog } from '../jetstream-log/jetstream.event-log.js';
import { LogUnavailable, VersionConflict } from '../log/event-log.js';
import type { ArchivedLog } from './archived-log.js';
import { Leaving } from '../leaving/leaving.js';

const SLOW_MS = 120_000;
const TASKS = 40;
/** Sequence of the last commit that leaves. */
const LEFT = 30;

let server: TestNats;
let nc: NatsConnection;
/** Opened before anything left, with no archive: it answers for what it was. */
let log: JetStreamLog;
let archive: KeptArchive;
let over: AbortController;

/** What left, in memory; `trouble` is why it cannot be read. */
class KeptArchive implements ArchivedLog {
  readonly messages: ArchivedMessage[] = [];
  trouble: Error | undefined;
  asked = 0;

  async *read({ from, to, subjects }: Parameters<ArchivedLog['read']>[0]): AsyncGenerator<readonly ArchivedMessage[]> {
    this.asked += 1;
    if (this.trouble !== undefined) throw this.trouble;
    const isWanted = (subject: string): boolean =>
      subjects?.some(
        (wanted) => wanted === subject || (wanted.endsWith('>') && subject.startsWith(wanted.slice(0, -1))),
      ) ?? true;
    const found = this.messages.filter(
      ({ sequence, subject }) => from <= sequence && sequence <= to && isWanted(subject),
    );
    for (let at = 0; at < found.length; at += 7) yield await Promise.resolve(found.slice(at, at + 7));
  }
}

const open = (): Promise<JetStreamLog> => JetStreamLog.open(nc, { archive, leftTimes: { freshMs: 0, holdsMs: 0 } });
const leaving = (olderThanMs: number | undefined = 0, graceMs = 0) =>
  new Leaving(nc, { olderThanMs, graceMs, archive });
const streamState = async () => (await (await managerOf(nc)).streams.info(STREAMS.events)).state;

/** 1 to 40: a commit each of tasks, every tenth of a bucket; then a second one of `t5`. */
const fill = async (): Promise<void> => {
  for (let n = 1; n <= TASKS; n += 1)
    await (n % 10 === 0
      ? log.append('bucket', `b${n}`, aCommit(`b${n}`, [bucketCreated(`b${n}`)]), 0)
      : log.append('task', `t${n}`, aCommit(`t${n}`, [submitted(`t${n}`)]), 0));
  await log.append('task', 't5', aCommit('cancel-t5', [cancelRequested]), 5);
};

/** The log says that the prefix has left; it is still in it. */
const say = async (to = LEFT): Promise<number> => {
  for await (const batch of log.messages(archive.messages.length + 1, to)) archive.messages.push(...batch);
  const event = { type: 'LogPrefixLeft', to, number: to, hash: 'f'.repeat(64), lastAt: 0, at: 1 } as const;
  const last = (await log.readAggregate('log-archive', LEFT_ID)).at(-1)?.sequence ?? 0;
  return log.append('log-archive', LEFT_ID, aCommit(`left-${to}`, [event]), last);
};
const take = async (): Promise<void> => {
  const owner = leaving();
  expect(await eventually(async () => ((await owner.leave()).waitsFor === null ? 'gone' : false))).toBe('gone');
};

/** Why an owner takes nothing out, or `gone`. */
const outcomeOf = (owner: Leaving): Promise<string> =>
  eventually(() =>
    owner.leave().then(
      ({ waitsFor }) => waitsFor === null && 'gone',
      (error: Error) => error.message,
    ),
  );
const collect = async (batches: AsyncIterable<readonly RecordedCommit[]>): Promise<readonly RecordedCommit[]> => {
  const all: RecordedCommit[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
};
const followed = async (
  on: JetStreamLog,
  options: Partial<Parameters<JetStreamLog['subscribe']>[0]>,
  count: number,
) => {
  const seen: RecordedCommit[] = [];
  const done = new AbortController();
  const errors: unknown[] = [];
  const following = on.subscribe(
    { from: 1, maxBatch: 4, signal: done.signal, onError: (error) => errors.push(error), ...options },
    (batch) => Promise.resolve(void seen.push(...batch)),
  );
  await eventually(() => seen.length >= count);
  done.abort();
  await following;
  return { seen, errors };
};

beforeEach(async () => {
  over = new AbortController();
  server = await startTestNats();
  nc = await connectNats({ ...server, name: 'test' });
  archive = new KeptArchive();
  log = await open();
  await fill();
}, SLOW_MS);
afterEach(async () => {
  over.abort();
  log.close();
  await nc.close();
  await server.stop();
}, SLOW_MS);

describe('a log whose beginning has left it', () => {
  it.each(['said, and not gone yet', 'gone'])(
    'is read as before (%s)',
    async (step) => {
      const before = {
        all: await collect(log.read({ from: 1, to: TASKS + 1 })),
        task: await log.readAggregate('task', 't5'),
        buckets: await collect(log.read({ from: 1, to: TASKS + 1, aggregates: ['bucket'] })),
        several: await collect(log.read({ from: 3, to: TASKS + 1, aggregates: ['bucket', 'pool', 'task'] })),
      };
      const said = await say();
      if (step === 'gone') await take();
      expect((await streamState()).first_seq).toBe(step === 'gone' ? LEFT + 1 : 1);
      const on = await open();
      expect(await collect(on.read({ from: 1, to: TASKS + 1 }))).toEqual(before.all);
      expect(await on.readAggregate('task', 't5')).toEqual(before.task);
      expect(await on.readAggregate('task', 't5', 0, 1)).toEqual(before.task.slice(0, 1));
      expect(await on.readAggregate('task', 't5', 5)).toEqual(before.task.slice(1));
      expect(await on.readAggregate('task', 'nobody')).toEqual([]);
      expect(await collect(on.read({ from: 1, to: TASKS + 1, aggregates: ['bucket'] }))).toEqual(before.buckets);
      expect(await collect(on.read({ from: 3, to: TASKS + 1, aggregates: ['bucket', 'pool', 'task'] }))).toEqual(
        before.several,
      );
      expect(await on.nextSequence(['bucket'], 0)).toBe(10);
      expect(await on.nextSequence(['bucket'], 20)).toBe(30);
      expect(await on.nextSequence(['bucket'], 30)).toBe(40);
      expect((await on.messageAt(7))?.subject).toBe('fx.ev.task.t7');
      expect((await on.verify({ from: 1, most: 1_000 })).damage).toEqual([]);
      expect(await followed(on, {}, said)).toMatchObject({ errors: [] });
      const whole = await followed(on, {}, said);
      expect(whole.seen.map(({ sequence }) => sequence)).toEqual(Array.from({ length: said }, (_, at) => at + 1));
      const { seen } = await followed(on, { from: 11, aggregates: ['bucket'] }, 3);
      expect(seen.map(({ sequence }) => sequence)).toEqual([20, 30, 40]);
      const mixed = await followed(on, { aggregates: ['bucket', 'log-archive'] }, 5);
      expect(mixed.seen.map(({ sequence }) => sequence)).toEqual([10, 20, 30, 40, said]);
      expect(on.damagedPlaces()).toEqual([]);
      on.close();
    },
    SLOW_MS,
  );

  it(
    'takes the next commit of an aggregate that has left it, once, and none of what is taken for new',
    async () => {
      const early = await open();
      await say();
      await take();
      for (const on of [early, log]) {
        await expect(on.append('task', 't7', aCommit('again', [submitted('t7')]), 0)).rejects.toBeInstanceOf(
          VersionConflict,
        );
        await expect(on.append('task', 't5', aCommit('stale', [cancelRequested]), 5)).rejects.toBeInstanceOf(
          VersionConflict,
        );
      }
      const [one, other] = await Promise.allSettled([
        early.append('task', 't7', aCommit('cancel-1', [cancelRequested]), 7),
        log.append('task', 't7', aCommit('cancel-2', [cancelRequested]), 7),
      ]);
      expect([one.status, other.status].sort()).toEqual(['fulfilled', 'rejected']);
      const commits = await log.readAggregate('task', 't7');
      expect(commits).toHaveLength(2);
      await log.append('task', 't7', aCommit('cancel-3', [cancelRequested]), commits[1]?.sequence ?? 0);
      expect(await log.append('task', 'new', aCommit('new', [submitted('new')]), 0)).toBeGreaterThan(TASKS);
      early.close();
    },
    SLOW_MS,
  );

  it(
    'is damaged where a sequence behind what has left is missing, and where more is gone than has left',
    async () => {
      await say();
      await take();
      const jsm = await managerOf(nc);
      await jsm.streams.purge(STREAMS.events, { seq: LEFT + 3 });
      const on = await open();
      expect(on.damagedPlaces()).toMatchObject([{ from: LEFT + 1, through: LEFT + 2 }]);
      await expect(collect(on.read({ from: 1 }))).rejects.toThrow(/sequences 31 to 32 are missing/);
      await expect(collect(on.read({ from: 31 }))).rejects.toThrow(/sequences 31 to 32 are missing/);
      on.close();
    },
    SLOW_MS,
  );

  it(
    'is waited for while its archive is away, with the reason',
    async () => {
      await say();
      await take();
      archive.trouble = new LogUnavailable('the archive of the event log cannot be read at present: no store');
      const on = await open();
      await expect(on.readAggregate('task', 't5')).rejects.toThrow('no store');
      await expect(collect(on.read({ from: 1 }))).rejects.toThrow('no store');
      await expect(on.append('task', 't7', aCommit('c', [submitted('t7')]), 0)).rejects.toThrow('no store');
      const seen: number[] = [];
      const errors: string[] = [];
      const following = on.subscribe(
        { from: 1, signal: over.signal, onError: (error) => errors.push(String(error)) },
        (batch) => Promise.resolve(void seen.push(...batch.map(({ sequence }) => sequence))),
      );
      await eventually(() => errors.length >= 2);
      expect(errors[0]).toContain('no store');
      expect(seen).toEqual([]);
      archive.trouble = undefined;
      await eventually(() => seen.length >= TASKS + 2);
      over.abort();
      await following;
      on.close();
    },
    SLOW_MS,
  );
});

describe('whoever owns the streams', () => {
  it(
    'takes nothing out that has not left, is too young, or is still read, and nothing without a rule',
    async () => {
      expect(await leaving().leave()).toEqual({ first: 1, waitsFor: null });
      const { feed, close } = await reading();
      await say();
      await expect(new Leaving(nc, { olderThanMs: undefined }).leave()).rejects.toThrow('FORNAX_LOG_RETENTION is off');
      await expect(leaving(3_600_000).leave()).rejects.toThrow('not as old as the rule');
      expect(await leaving(0, 60_000).leave()).toMatchObject({ first: 1, waitsFor: expect.stringContaining('heard') });
      const owner = leaving();
      expect(await owner.leave()).toMatchObject({ first: 1, waitsFor: expect.stringContaining('reader') });
      expect((await streamState()).first_seq).toBe(1);
      for (let last = 0; last < TASKS;) last = (await feed.next(5, over.signal)).at(-1)?.sequence ?? last;
      close();
      // What was in the archive when the rest began to wait may be lost by now.
      archive.trouble = new LogUnavailable('the store was lost meanwhile');
      expect(await outcomeOf(owner)).toMatch(/lost meanwhile/);
      archive.trouble = undefined;
      await take();
      expect(await streamState()).toMatchObject({ first_seq: LEFT + 1 });
      expect(await leaving().leave()).toEqual({ first: LEFT + 1, waitsFor: null });
    },
    SLOW_MS,
  );

  it(
    'takes nothing out that the archive does not give as it is, and does once it does',
    async () => {
      await say();
      const owner = leaving();
      const whole = [...archive.messages];
      const [one] = archive.messages.splice(11, 1);
      expect(await outcomeOf(owner)).toMatch(
        /does not hold what it holds: the log has a message that the archive does not/,
      );
      archive.messages.splice(11, 0, { ...(one as ArchivedMessage), data: Buffer.from('forged') });
      expect(await outcomeOf(owner)).toMatch(/hold different messages, at sequence 12/);
      archive.trouble = new LogUnavailable('the store is away');
      expect(await outcomeOf(owner)).toBe('the store is away');
      expect((await streamState()).first_seq).toBe(1);
      archive.trouble = undefined;
      archive.messages.splice(0, archive.messages.length, ...whole);
      expect(await outcomeOf(owner)).toBe('gone');
      expect((await streamState()).first_seq).toBe(LEFT + 1);
    },
    SLOW_MS,
  );

  it(
    'compares what was said of another stream of the same name anew',
    async () => {
      const said = await say();
      const owner = leaving();
      expect(await outcomeOf(owner)).toBe('gone');
      const jsm = await managerOf(nc);
      await jsm.streams.delete(STREAMS.events);
      log.close();
      log = await open();
      await fill();
      const kept = archive.messages.splice(0);
      expect(await say()).toBe(said);
      archive.messages.splice(0, 1);
      expect(await outcomeOf(owner)).toMatch(/the log has a message that the archive does not have/);
      expect((await streamState()).first_seq).toBe(1);
      expect(kept).toHaveLength(LEFT);
    },
    SLOW_MS,
  );

  it(
    'says what to do about a log of an earlier release',
    async () => {
      await say();
      await (await managerOf(nc)).streams.update(STREAMS.events, { deny_purge: true });
      await expect(leaving().leave()).rejects.toThrow('fornax log restore');
      expect((await collect((await open()).read({ from: 1 }))).length).toBe(TASKS + 2);
    },
    SLOW_MS,
  );
});

/** A reader at the beginning of the stream, of whom few messages are on their way. */
const reading = async () => {
  const { EventFeeds } = await import('../jetstream-log/event-feeds.js');
  const { LeftPrefix } = await import('../jetstream/left-prefix.js');
  const feeds = new EventFeeds(nc, await managerOf(nc), { left: new LeftPrefix(nc), archive });
  return feeds.openStream(undefined, 1, 6);
};
