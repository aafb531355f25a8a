import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { STREAMS, logSubject } from '@fornax/contracts';
import { type TestNats, startTestNats } from '@fornax/testing';
import type { NatsConnection } from '@nats-io/nats-core';
import { connectNats } from './connection.js';
import { PullFeed } from './pull-feed.js';
import { ensureStreams, managerOf } from './streams.js';

const COUNT = 64;
const MESSAGE_BYTES = 128 * 1024;
const MAX_BYTES = 1024 * 1024;

let server: TestNats;
let nc: NatsConnection;

beforeAll(async () => {
  server = await startTestNats();
  nc = await connectNats({ ...server, name: 'test' });
  await ensureStreams(nc);
}, 120_000);

afterAll(async () => {
  await nc.close();
  await server.stop();
});

describe('a feed of large messages', () => {
  it('holds few of them, however many it may hold of small ones, and brings them all', async () => {
    const subject = logSubject('node-1', 'task', 0, 'stdout');
    for (let n = 0; n < COUNT; n += 1) await nc.request(subject, Buffer.alloc(MESSAGE_BYTES, n), { timeout: 5_000 });
    const manager = await managerOf(nc);
    await manager.consumers.add(STREAMS.logs, { name: 'reader', filter_subject: subject, ack_policy: 'none' });
    const feed = new PullFeed(nc, {
      stream: STREAMS.logs,
      consumer: 'reader',
      capacity: 10 * COUNT,
      maxBytes: MAX_BYTES,
      isGapFatal: true,
    });
    const taken: number[] = [];
    let most = 0;
    while (taken.length < COUNT) {
      const messages = await feed.next(1, AbortSignal.timeout(10_000));
      expect(messages).toHaveLength(1);
      taken.push(...messages.map(({ data }) => data[0] ?? -1));
      // Whatever has been asked for until now is here after a few turns to the server and back.
      for (let turn = 0; turn < 4; turn += 1) await nc.flush();
      most = Math.max(most, feed.waiting.length * MESSAGE_BYTES);
    }
    feed.close();
    expect(taken).toEqual(Array.from({ length: COUNT }, (_, n) => n));
    expect(most).toBeLessThanOrEqual(MAX_BYTES * 2);
  });
});
