import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DurablePublisher, JetStreamLog, connectNats } from '@fornax/event-store';
import {
  aCommit,
  aLease,
  dispatched,
  eventually,
  nodeJoined,
  startTestNats,
  submitted,
  type TestNats,
} from '@fornax/testing';
import type { Logger } from '../ports/logger.js';
import { Leadership } from './leadership.js';

const SLOW_MS = 60_000;
const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

let nats: TestNats;
let nc: Awaited<ReturnType<typeof connectNats>>;
let log: JetStreamLog;
let publisher: DurablePublisher;
let ids = 0;
const over: AbortController[] = [];

beforeAll(async () => {
  nats = await startTestNats();
  nc = await connectNats({ url: nats.url, user: nats.user, password: nats.password, name: 'spec' });
  log = await JetStreamLog.open(nc);
  publisher = new DurablePublisher(nc);
  await log.append('node', 'node-1', aCommit('join', [nodeJoined('node-1', { cores: 64, memoryMB: 1e6 })]), 0);
}, SLOW_MS);

afterAll(async () => {
  for (const term of over) term.abort();
  publisher.close();
  log.close();
  await nc.close();
  await nats.stop();
}, SLOW_MS);

/** A scheduler that was elected. It does nothing by itself before `run`: as a process does that is stopped and goes on later. */
const elected = async (epoch: number) => {
  const term = new AbortController();
  over.push(term);
  const sent: string[] = [];
  const leadership = await Leadership.begin(
    {
      log,
      checkpoint: { load: () => Promise.resolve(undefined) },
      publish: (subject, data, msgId, headers) => {
        sent.push(msgId);
        return publisher.publish(subject, data, { msgId, headers });
      },
      consumeReports: (_handle, signal) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
      onSuperseded: () => term.abort(),
      now: () => Date.now(),
      elapsed: () => performance.now(),
      newId: () => `id-${epoch}-${(ids += 1)}`,
      logger: silent,
      inSpan: (_name, parent, work) => work(parent),
    },
    epoch,
    term.signal,
  );
  return { leadership, sent, signal: term.signal };
};

const commitsOf = async (taskId: string) =>
  (await log.readAggregate('task', taskId)).map(({ events, meta }) => [
    meta.leaderEpoch,
    ...events.map(({ type }) => type),
  ]);

describe('a leader that was stopped while another took over', () => {
  it(
    'appends and orders nothing any more when it goes on, and its term ends',
    async () => {
      await log.append('task', 'a', aCommit('a', [submitted('a', { instances: '0' })]), 0);
      const old = await elected(1);
      const next = await elected(2);
      void next.leadership.run();
      await eventually(async () => (await commitsOf('a')).length === 2);
      old.leadership.rounds.wake();
      await eventually(() => old.signal.aborted);
      expect(await commitsOf('a')).toEqual([
        [undefined, 'TaskSubmitted'],
        [2, 'InstancesDispatched'],
      ]);
      expect(old.sent).toEqual([]);
      expect(next.sent.length).toBe(1);
      expect(next.signal.aborted).toBe(false);
    },
    SLOW_MS,
  );

  it(
    'ends its term when it only reads what the other has done',
    async () => {
      for (const term of over) term.abort();
      const old = await elected(3);
      await log.append('task', 'b', aCommit('b', [submitted('b', { instances: '0' })]), 0);
      const next = await elected(4);
      void next.leadership.run();
      await eventually(async () => (await commitsOf('b')).length === 2);
      await old.leadership.run().catch(() => undefined);
      expect(old.signal.aborted).toBe(true);
      expect(await commitsOf('b')).toEqual([
        [undefined, 'TaskSubmitted'],
        [4, 'InstancesDispatched'],
      ]);
    },
    SLOW_MS,
  );

  it(
    'cannot append to a task behind a commit of the other, even when it has read it',
    async () => {
      for (const term of over) term.abort();
      const sequence = await log.append('task', 'c', aCommit('c', [submitted('c', { instances: '0-1' })]), 0);
      const meta = { ...aCommit('x', []).meta, leaderEpoch: 9 };
      await log.append('task', 'c', aCommit('c-of-9', [dispatched(aLease(0))], { meta }), sequence);
      const old = await elected(8);
      old.leadership.rounds.wake();
      await eventually(() => old.signal.aborted);
      expect(await commitsOf('c')).toEqual([
        [undefined, 'TaskSubmitted'],
        [9, 'InstancesDispatched'],
      ]);
    },
    SLOW_MS,
  );
});
