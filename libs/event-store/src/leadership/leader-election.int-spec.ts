import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { NatsConnection } from '@nats-io/nats-core';
import { type TestNats, eventually, startTestNats } from '@fornax/testing';
import { connectNats } from '../jetstream/connection.js';
import { lead } from './leader-election.js';

const SLOW_MS = 120_000;
const TTL_MS = 900;
let server: TestNats;
let connections: NatsConnection[] = [];
let election = 0;

interface Candidate {
  readonly done: Promise<void>;
  readonly terms: { readonly epoch: number; readonly leadership: AbortSignal }[];
  readonly nc: NatsConnection;
  readonly leads: () => boolean;
  resign(): void;
}

const stand = async (name: string, candidate: string): Promise<Candidate> => {
  const nc = await connectNats({ ...server, name: candidate });
  connections.push(nc);
  const over = new AbortController();
  const terms: { readonly epoch: number; readonly leadership: AbortSignal }[] = [];
  const done = lead(nc, { name, candidate, ttlMs: TTL_MS, signal: over.signal }, async (epoch, leadership) => {
    terms.push({ epoch, leadership });
    await new Promise<void>((resolve) => leadership.addEventListener('abort', () => resolve(), { once: true }));
  });
  return { done, terms, nc, resign: () => over.abort(), leads: () => terms.at(-1)?.leadership.aborted === false };
};

beforeAll(async () => {
  server = await startTestNats();
}, SLOW_MS);
beforeEach(() => {
  election += 1;
});
afterEach(async () => {
  for (const nc of connections) await nc.close();
  connections = [];
});
afterAll(() => server.stop());

describe('an election', () => {
  it('has one leader', async () => {
    const all = await Promise.all(['a', 'b', 'c'].map((candidate) => stand(`e-${election}`, candidate)));
    await eventually(() => all.some(({ leads }) => leads()));
    const until = performance.now() + 2 * TTL_MS;
    await eventually(() => {
      expect(all.filter(({ leads }) => leads())).toHaveLength(1);
      return performance.now() > until;
    });
    expect(all.flatMap(({ terms }) => terms)).toHaveLength(1);
    for (const one of all) one.resign();
    await Promise.all(all.map(({ done }) => done));
  });

  it('passes to the successor at once, with a higher epoch, when the leader resigns', async () => {
    const first = await stand(`e-${election}`, 'first');
    await eventually(() => first.leads());
    const second = await stand(`e-${election}`, 'second');
    const resignedAt = performance.now();
    first.resign();
    await first.done;
    await eventually(() => second.leads());
    expect(performance.now() - resignedAt).toBeLessThan(TTL_MS / 2);
    expect(second.terms[0]?.epoch).toBeGreaterThan(first.terms[0]?.epoch ?? Infinity);
    second.resign();
    await second.done;
  });

  it('replaces a leader that fell silent, which has given up before', async () => {
    const first = await stand(`e-${election}`, 'first');
    await eventually(() => first.leads());
    const second = await stand(`e-${election}`, 'second');
    await first.nc.close();
    await eventually(() => {
      expect(first.leads() && second.leads()).toBe(false);
      return second.leads();
    });
    expect(second.terms[0]?.epoch).toBeGreaterThan(first.terms[0]?.epoch ?? Infinity);
    first.resign();
    second.resign();
    await Promise.all([first.done, second.done]);
  });

  it(
    'keeps its leader through a quick restart of the server',
    async () => {
      const only = await stand(`e-${election}`, 'only');
      await eventually(() => only.leads());
      await server.kill();
      await server.start();
      await eventually(() => only.leads());
      const until = performance.now() + 2 * TTL_MS;
      await eventually(() => performance.now() > until && only.leads());
      only.resign();
      await only.done;
    },
    SLOW_MS,
  );
});
