import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { NatsConnection } from '@nats-io/nats-core';
import { STREAMS, eventSubject } from '@fornax/contracts';
import {
  type FaultProxy,
  type TestNats,
  aCommit,
  cancelRequested,
  eventually,
  startFaultProxy,
  startTestNats,
  submitted,
} from '@fornax/testing';
import { describeEventLog } from '../log/event-log.contract.js';
import { LogReset, LogUnavailable, OutcomeUnknown, VersionConflict } from '../log/event-log.js';
import { connectNats } from '../jetstream/connection.js';
import { DurablePublisher, PublishRejected } from '../jetstream/durable-publisher.js';
import { JetStreamLog } from './jetstream.event-log.js';
import { managerOf } from '../jetstream/streams.js';

const SLOW_MS = 120_000;
let server: TestNats;
let nc: NatsConnection;

beforeAll(async () => {
  server = await startTestNats();
  nc = await connectNats({ ...server, name: 'test' });
}, SLOW_MS);

afterAll(async () => {
  await nc.close();
  await server.stop();
});

const wipe = async (): Promise<void> => {
  const jsm = await managerOf(nc);
  await jsm.streams.delete(STREAMS.events).catch(() => undefined);
};

describeEventLog('the JetStream log', async () => {
  await wipe();
  return JetStreamLog.open(nc);
});

describe('the JetStream log', () => {
  let log: JetStreamLog;
  let over: AbortController;

  beforeEach(async () => {
    await wipe();
    log = await JetStreamLog.open(nc);
    over = new AbortController();
  });
  afterEach(() => over.abort());

  const submit = (id: string, on = log) => on.append('task', id, aCommit(`submit-${id}`, [submitted(id)]), 0);

  it('gives each of many commits that come together its own place, and refuses only the one that has a reason', async () => {
    await submit('taken');
    const ids = Array.from({ length: 300 }, (_, index) => (index === 150 ? 'taken' : `many-${index}`));
    const outcomes = await Promise.allSettled(
      ids.map((id) => log.append('task', id, aCommit(`many-${id}`, [submitted(id)]), 0)),
    );
    const refused = outcomes.flatMap((outcome, index) => (outcome.status === 'rejected' ? [index] : []));
    expect(refused).toEqual([150]);
    expect(outcomes[150]).toMatchObject({ reason: expect.any(VersionConflict) });
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'rejected' || index % 25 !== 0) continue;
      const [commit] = await log.readAggregate('task', ids[index] ?? '');
      expect(commit?.sequence).toBe(outcome.value);
    }
  });

  it('answers commits that come together again with their first places', async () => {
    const all = () =>
      Promise.all(['a', 'b', 'c'].map((id) => log.append('task', id, aCommit(`submit-${id}`, [submitted(id)]), 0)));
    const first = await all();
    expect(await all()).toEqual(first);
    expect((await log.head()).sequence).toBe(3);
  });

  it('takes commits one by one on a stream that was made before they could come together', async () => {
    const jsm = await managerOf(nc);
    await jsm.streams.update(STREAMS.events, { allow_atomic: false });
    await Promise.all(['a', 'b'].map((id) => submit(id)));
    const stored = [];
    for await (const batch of log.read({ from: 1 })) stored.push(...batch.map(({ aggregateId }) => aggregateId));
    expect(stored.sort()).toEqual(['a', 'b']);
    await JetStreamLog.open(nc);
    expect((await jsm.streams.info(STREAMS.events)).config.allow_atomic).toBe(true);
  });

  it(
    'hands everything once and in order to readers at the end, behind it, and slower than the log',
    async () => {
      const append = (from: number, to: number) =>
        Promise.all(Array.from({ length: to - from }, (_, index) => submit(`task-${from + index}`)));
      await append(0, 50);
      const seen: number[][] = [[], [], []];
      const mayGoOn = Promise.withResolvers<void>();
      const follow = (reader: number, from: number, before: Promise<void> = Promise.resolve()) =>
        log.subscribe({ from, aggregates: ['task', 'node'], maxBatch: 100, signal: over.signal }, async (batch) => {
          seen[reader]?.push(...batch.map(({ sequence }) => sequence));
          await before;
        });
      const following = [follow(0, 1), follow(1, 51), follow(2, 51, mayGoOn.promise)];
      await eventually(() => seen[0]?.length === 50);
      for (let from = 50; from < 10_050; from += 1_000) await append(from, from + 1_000);
      await eventually(() => seen[1]?.length === 10_000, { timeoutMs: 30_000 });
      mayGoOn.resolve();
      await eventually(() => seen[2]?.length === 10_000, { timeoutMs: 30_000 });
      for (const sequences of seen)
        sequences.forEach((sequence, at) => expect(sequence).toBe((sequences[0] ?? 0) + at));
      over.abort();
      await Promise.all(following);
      // A reader that comes when all others have gone begins anew.
      over = new AbortController();
      const late: number[] = [];
      const next = log.subscribe({ from: 10_051, signal: over.signal }, async (batch) => {
        late.push(...batch.map(({ sequence }) => sequence));
      });
      await submit('late');
      await eventually(() => late.length > 0);
      expect(late).toEqual([10_051]);
      over.abort();
      await next;
    },
    SLOW_MS,
  );

  it('keeps its epoch when it is opened again, and takes a new one when it was wiped', async () => {
    const { epoch } = await log.head();
    expect((await (await JetStreamLog.open(nc)).head()).epoch).toBe(epoch);
    await wipe();
    expect((await (await JetStreamLog.open(nc)).head()).epoch).not.toBe(epoch);
  });

  it('can be opened by several processes at once', async () => {
    await wipe();
    const logs = await Promise.all(Array.from({ length: 5 }, () => JetStreamLog.open(nc)));
    const heads = await Promise.all(logs.map((one) => one.head()));
    expect(new Set(heads.map(({ epoch }) => epoch)).size).toBe(1);
  });

  it('lets nobody delete a commit, nor say that it may be', async () => {
    await submit('a');
    const jsm = await managerOf(nc);
    await expect(jsm.streams.update(STREAMS.events, { deny_delete: false })).rejects.toThrow('can not cancel deny');
    await expect(jsm.streams.deleteMessage(STREAMS.events, 1)).rejects.toThrow();
  });

  it('recognizes its own commit in the log where the server no longer remembers the id', async () => {
    const first = await submit('a');
    const jsm = await managerOf(nc);
    await jsm.streams.update(STREAMS.events, { duplicate_window: 100_000_000 });
    await log.append('task', 'a', aCommit('cancel', [cancelRequested]), first);
    // Once the window has passed, the server answers with a conflict instead of a duplicate.
    const publisher = new DurablePublisher(nc);
    const subject = eventSubject('task', 'a');
    await eventually(async () => {
      const repeat = publisher.publish(subject, new Uint8Array(), {
        msgId: `${subject}/submit-a`,
        expectLastSubjectSequence: 0,
      });
      return repeat.then(
        () => false,
        (error: unknown) => error instanceof PublishRejected,
      );
    });
    expect(await submit('a')).toBe(first);
    publisher.close();
  });

  it(
    'survives a killed server: appends, subscriptions and positions go on',
    async () => {
      const seen: number[] = [];
      const done = log.subscribe({ from: 1, signal: over.signal }, (batch) => {
        seen.push(...batch.map(({ sequence }) => sequence));
        return Promise.resolve();
      });
      for (let n = 0; n < 20; n += 1) await submit(`before-${n}`);
      await eventually(() => seen.length === 20);
      await server.kill();
      const during = submit('during');
      await server.start();
      expect(await during).toBe(21);
      expect(await submit('during')).toBe(21);
      for (let n = 0; n < 20; n += 1) await submit(`after-${n}`);
      await eventually(() => seen.length === 41);
      expect(seen).toEqual(Array.from({ length: 41 }, (_, n) => n + 1));
      over.abort();
      await done;
    },
    SLOW_MS,
  );

  it(
    'continues a commit that was stored just before the server was killed, without storing it twice',
    async () => {
      const first = await submit('a');
      await server.kill();
      await server.start();
      expect(await submit('a')).toBe(first);
      await expect(log.append('task', 'a', aCommit('late', [cancelRequested]), 0)).rejects.toBeInstanceOf(
        VersionConflict,
      );
    },
    SLOW_MS,
  );

  it(
    'ends a subscription with an error when the log was wiped while it followed',
    async () => {
      await submit('a');
      const following = log.subscribe({ from: 1, signal: over.signal }, () => Promise.resolve());
      const ended = expect(following).rejects.toBeInstanceOf(LogReset);
      await submit('b');
      await wipe();
      await JetStreamLog.open(nc);
      await ended;
    },
    SLOW_MS,
  );

  it('says that the outcome is unknown when the store does not answer', async () => {
    await wipe();
    const publisher = new DurablePublisher(nc);
    await expect(
      publisher.publish(eventSubject('task', 'a'), new Uint8Array(), { timeoutMs: 300 }),
    ).rejects.toBeInstanceOf(LogUnavailable);
    publisher.close();
  });
});

describe('what became of a message', () => {
  let proxy: FaultProxy;
  let behind: NatsConnection;
  let publisher: DurablePublisher;

  beforeEach(async () => {
    await wipe();
    await JetStreamLog.open(nc);
    proxy = await startFaultProxy(Number(new URL(server.url).port));
    behind = await connectNats({ ...server, url: `nats://127.0.0.1:${proxy.port}`, name: 'behind a proxy' });
    publisher = new DurablePublisher(behind);
  });
  afterEach(async () => {
    publisher.close();
    await behind.close();
    await proxy.close();
  });

  const stored = async (): Promise<number> => (await (await JetStreamLog.open(nc)).head()).sequence;
  const send = (id: string) =>
    publisher.publish(eventSubject('task', id), Buffer.from('{}'), { msgId: id, timeoutMs: 600, settleMs: 600 });

  it('is unknown when it was sent and the answer is lost', async () => {
    proxy.mute();
    await expect(send('a')).rejects.toBeInstanceOf(OutcomeUnknown);
    expect(await stored()).toBe(1);
  });

  it('is found out when the answer was lost and the connection comes back', async () => {
    proxy.mute();
    const sent = publisher.publish(eventSubject('task', 'a'), Buffer.from('{}'), { msgId: 'a' });
    await eventually(async () => (await stored()) === 1);
    proxy.heal();
    expect(await sent).toMatchObject({ seq: 1, duplicate: true });
    expect(await stored()).toBe(1);
  });

  it('is nothing, and stays nothing, when there was no connection', async () => {
    proxy.cut();
    await eventually(async () => {
      const error: unknown = await send('a').catch((cause: unknown) => cause);
      return error instanceof LogUnavailable && !(error instanceof OutcomeUnknown);
    });
    const before = await stored();
    proxy.heal();
    expect(await publisher.publish(eventSubject('task', 'b'), Buffer.from('{}'))).toMatchObject({ seq: before + 1 });
    expect(await stored()).toBe(before + 1);
  });
});
