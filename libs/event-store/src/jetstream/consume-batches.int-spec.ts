import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { NatsConnection } from '@nats-io/nats-core';
import {
  STREAMS,
  allReportsSubject,
  allSnapshotReportsSubject,
  dispatchConsumer,
  dispatchSubject,
  reportSubject,
  snapshotReportSubject,
} from '@fornax/contracts';
import { type TestNats, eventually, startTestNats } from '@fornax/testing';
import { connectNats } from './connection.js';
import { type DurableMessage, consumeBatches, deleteConsumer, ensureConsumer } from './consume-batches.js';
import { DurablePublisher } from './durable-publisher.js';
import { ensureStreams, managerOf } from './streams.js';

const SLOW_MS = 120_000;
const NODE = 'node-1';
const reports = { stream: STREAMS.reports, durable: 'scheduler', filterSubject: allReportsSubject };
const textOf = ({ data }: DurableMessage): string => new TextDecoder().decode(data);

let server: TestNats;
let nc: NatsConnection;
let publisher: DurablePublisher;
let over: AbortController;

const publish = (subject: string, text: string, msgId?: string) =>
  publisher.publish(subject, new TextEncoder().encode(text), {
    headers: { 'Fx-Test': text },
    ...(msgId === undefined ? {} : { msgId }),
  });

const storedReports = async (): Promise<number> =>
  (await (await managerOf(nc)).streams.info(STREAMS.reports)).state.messages;

beforeAll(async () => {
  server = await startTestNats({ nodes: [NODE] });
  nc = await connectNats({ ...server, name: 'test' });
}, SLOW_MS);

beforeEach(async () => {
  await ensureStreams(nc);
  publisher = new DurablePublisher(nc);
  over = new AbortController();
});

afterEach(async () => {
  over.abort();
  publisher.close();
  const jsm = await managerOf(nc);
  for (const stream of [STREAMS.reports, STREAMS.dispatch]) await jsm.streams.delete(stream).catch(() => undefined);
});

afterAll(async () => {
  await nc.close();
  await server.stop();
});

describe('a durable consumer in batches', () => {
  it('hands over what has arrived, in order, and acknowledges it once it was handled', async () => {
    for (let n = 0; n < 25; n += 1) await publish(reportSubject(NODE), `r-${n}`);
    await publish(snapshotReportSubject(NODE), 'not for us');
    const seen: string[] = [];
    const done = consumeBatches(nc, { ...reports, maxBatch: 10, signal: over.signal }, (messages) => {
      expect(messages.length).toBeLessThanOrEqual(10);
      expect(messages.every((message) => message.headers('Fx-Test') === textOf(message) && !message.redelivered)).toBe(
        true,
      );
      seen.push(...messages.map(textOf));
      return Promise.resolve();
    });
    await eventually(() => seen.length === 25);
    expect(seen).toEqual(Array.from({ length: 25 }, (_, n) => `r-${n}`));
    await eventually(async () => (await storedReports()) === 1);
    over.abort();
    await done;
  });

  it('serves two consumers of one work queue', async () => {
    const seen: string[] = [];
    const take = (messages: readonly DurableMessage[]) => {
      seen.push(...messages.map(textOf));
      return Promise.resolve();
    };
    const both = [
      consumeBatches(nc, { ...reports, signal: over.signal }, take),
      consumeBatches(
        nc,
        { stream: STREAMS.reports, durable: 'snapshot', filterSubject: allSnapshotReportsSubject, signal: over.signal },
        take,
      ),
    ];
    await publish(reportSubject(NODE), 'report');
    await publish(snapshotReportSubject(NODE), 'snapshot report');
    await eventually(() => seen.length === 2);
    await eventually(async () => (await storedReports()) === 0);
    over.abort();
    await Promise.all(both);
  });

  it('gives a batch that failed out again', async () => {
    const seen: (readonly [string, boolean])[] = [];
    const errors: unknown[] = [];
    let failures = 2;
    const done = consumeBatches(
      nc,
      { ...reports, signal: over.signal, onError: (error) => errors.push(error) },
      (messages) => {
        if (failures-- > 0) return Promise.reject(new Error('not now'));
        seen.push(...messages.map((message) => [textOf(message), message.redelivered] as const));
        return Promise.resolve();
      },
    );
    await publish(reportSubject(NODE), 'r');
    await eventually(() => seen.length === 1);
    expect(seen).toEqual([['r', true]]);
    expect(errors).toHaveLength(2);
    over.abort();
    await done;
  });

  it('keeps a batch that takes longer than the acknowledgement wait', async () => {
    // Long enough for a busy machine, on which this process is not heard of for a second or two.
    const ackWaitMs = 4_000;
    let deliveries = 0;
    const gate = Promise.withResolvers<void>();
    const done = consumeBatches(nc, { ...reports, ackWaitMs, signal: over.signal }, async () => {
      deliveries += 1;
      await gate.promise;
    });
    await publish(reportSubject(NODE), 'slow');
    await eventually(() => deliveries === 1);
    const jsm = await managerOf(nc);
    const startedAt = performance.now();
    await eventually(() => performance.now() - startedAt > 1.5 * ackWaitMs);
    expect((await jsm.consumers.info(STREAMS.reports, 'scheduler')).num_redelivered).toBe(0);
    gate.resolve();
    await eventually(async () => (await storedReports()) === 0);
    expect(deliveries).toBe(1);
    over.abort();
    await done;
  });

  it('returns what it had fetched and not handled, so that a successor gets it at once', async () => {
    for (let n = 0; n < 5; n += 1) await publish(reportSubject(NODE), `r-${n}`);
    const first = new AbortController();
    const done = consumeBatches(nc, { ...reports, maxBatch: 1, signal: first.signal }, () => {
      first.abort();
      return Promise.resolve();
    });
    await done;
    const seen: string[] = [];
    const successor = consumeBatches(nc, { ...reports, signal: over.signal }, (messages) => {
      seen.push(...messages.map(textOf));
      return Promise.resolve();
    });
    // Well before the server gives them out again by itself, after 30 s.
    await eventually(() => seen.length === 4);
    expect([...seen].sort()).toEqual(['r-1', 'r-2', 'r-3', 'r-4']);
    over.abort();
    await successor;
  });

  it(
    'goes on after the server was killed, and after its consumer was deleted',
    async () => {
      const seen = new Set<string>();
      const done = consumeBatches(nc, { ...reports, signal: over.signal }, (messages) => {
        for (const message of messages) seen.add(textOf(message));
        return Promise.resolve();
      });
      await publish(reportSubject(NODE), 'before');
      await eventually(() => seen.has('before'));
      await server.kill();
      await server.start();
      await publish(reportSubject(NODE), 'after');
      await eventually(() => seen.has('after'));
      await deleteConsumer(nc, STREAMS.reports, 'scheduler');
      await publish(reportSubject(NODE), 'again');
      await eventually(() => seen.has('again'));
      over.abort();
      await done;
    },
    SLOW_MS,
  );

  it('lets an agent take its own leases with its own rights, once its consumer was made', async () => {
    const credentials = server.nodes[NODE];
    const agent = await connectNats({ url: server.url, ...credentials, name: NODE, inboxPrefix: `_INBOX_${NODE}` });
    const lease = { stream: STREAMS.dispatch, durable: dispatchConsumer(NODE), filterSubject: dispatchSubject(NODE) };
    await ensureConsumer(nc, lease);
    await ensureConsumer(nc, lease);
    await publish(dispatchSubject(NODE), 'lease', 'lease-1');
    expect(await publish(dispatchSubject(NODE), 'lease', 'lease-1')).toMatchObject({ duplicate: true });
    const seen: string[] = [];
    const done = consumeBatches(agent, { ...lease, asksSingly: true, signal: over.signal }, (messages) => {
      seen.push(...messages.map(textOf));
      return Promise.resolve();
    });
    await eventually(() => seen.length === 1);
    const agentPublisher = new DurablePublisher(agent);
    expect(await agentPublisher.publish(reportSubject(NODE), new Uint8Array([1]))).toEqual({
      seq: 1,
      duplicate: false,
    });
    over.abort();
    await done;
    await agent.close();
  });
});
