import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../waiting/eventually.js';
import { type TestNats, startTestNats } from '../servers/test-nats.js';

/** What the suite needs of a connection, whichever library made it. */
export interface AskingConnection {
  request(subject: string, body: string, options: { readonly timeout: number }): Promise<{ string(): string }>;
  subscribe(subject: string, options: { readonly callback: () => void }): { unsubscribe(): void };
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Told to the follower under test. */
export interface FollowerParts<C> {
  readonly nc: C;
  readonly signal: AbortSignal;
  /** Short, so that silence is noticed within a test. */
  readonly pace: { readonly heartbeatMs: number; readonly expiresMs: number };
  readonly onHandled: (text: string) => void;
  readonly onState: (trouble: string | undefined) => void;
}

export interface FollowerUnderTest<C extends AskingConnection> {
  readonly stream: string;
  readonly connect: (server: TestNats) => Promise<C>;
  readonly makeStreams: (nc: C) => Promise<void>;
  readonly publish: (nc: C, text: string) => Promise<void>;
  /** Follows until the signal aborts. */
  readonly follow: (parts: FollowerParts<C>) => Promise<void>;
  /** When the stream is gone: goes on with the new one, or ends with an error of this name. */
  readonly afterWipe: 'goes on' | 'LogReset';
}

const SLOW_MS = 120_000;
const PACE = { heartbeatMs: 60, expiresMs: 2_000 };
/** Tries of a follower that backs off in the time that these tests take; one that spins makes thousands. */
const MOST_PULLS = 25;

/** What everything that follows a stream keeps, whatever becomes of the consumer, the stream, the server and itself. */
export const describeFollower = <C extends AskingConnection>(name: string, under: FollowerUnderTest<C>): void => {
  describe(`${name} as a follower of ${under.stream}`, () => {
    let server: TestNats;
    let nc: C;
    let watcher: C;
    let over: AbortController;
    let handled: string[];
    let states: (string | undefined)[];
    let running: Promise<void>;
    let ended: unknown;
    let pulls: number;
    let stopCounting: () => void;

    const ask = async (subject: string): Promise<Record<string, unknown>> => {
      const reply: unknown = JSON.parse((await watcher.request(`$JS.API.${subject}`, '', { timeout: 5_000 })).string());
      return typeof reply === 'object' && reply !== null ? { ...reply } : {};
    };
    const deleteConsumers = async (): Promise<void> => {
      const { consumers } = await ask(`CONSUMER.NAMES.${under.stream}`);
      for (const consumer of Array.isArray(consumers) ? consumers : [])
        await ask(`CONSUMER.DELETE.${under.stream}.${String(consumer)}`);
    };
    const troubles = (): number => states.filter((state) => state !== undefined).length;

    beforeAll(async () => {
      server = await startTestNats();
      nc = await under.connect(server);
      watcher = await under.connect(server);
    }, SLOW_MS);
    afterAll(async () => {
      await nc.close();
      await watcher.close();
      await server.stop();
    });
    beforeEach(async () => {
      await ask(`STREAM.DELETE.${under.stream}`);
      await under.makeStreams(nc);
      over = new AbortController();
      [handled, states, pulls, ended] = [[], [], 0, undefined];
      const counting = watcher.subscribe(`$JS.API.CONSUMER.MSG.NEXT.${under.stream}.>`, {
        callback: () => void (pulls += 1),
      });
      stopCounting = () => counting.unsubscribe();
      await watcher.flush();
      running = under
        .follow({
          nc,
          signal: over.signal,
          pace: PACE,
          onHandled: (text) => handled.push(text),
          onState: (trouble) => states.push(trouble),
        })
        .catch((error: unknown) => {
          ended = error;
        });
      await under.publish(nc, 'before');
      await eventually(() => handled.includes('before'));
    });
    afterEach(async () => {
      over.abort();
      stopCounting();
      await running;
    });

    const expectToGoOn = async (): Promise<void> => {
      await under.publish(nc, 'after');
      await eventually(() => handled.includes('after'), { timeoutMs: 30_000 });
      expect(handled).toEqual(['before', 'after']);
      // A sign of life may be late once more where the machine is busy.
      await eventually(() => states.at(-1) === undefined, { timeoutMs: 30_000 });
      // It may come back later than the follower.
      await eventually(async () => {
        await watcher.flush();
        return true;
      });
      expect(pulls).toBeLessThan(MOST_PULLS);
    };

    it('makes its consumer anew when that was deleted, and says that it was gone', async () => {
      await deleteConsumers();
      await expectToGoOn();
      expect(troubles()).toBeGreaterThan(0);
    });

    it(
      'finds its place again after the server was killed, and nobody answered',
      async () => {
        await server.kill();
        await eventually(() => troubles() > 0, { timeoutMs: 30_000 });
        await server.start();
        await expectToGoOn();
      },
      SLOW_MS,
    );

    it(
      'asks seldom while its stream is gone',
      async () => {
        await ask(`STREAM.DELETE.${under.stream}`);
        if (under.afterWipe === 'goes on') {
          await eventually(() => troubles() > 4, { timeoutMs: 30_000 });
          expect(pulls).toBeLessThan(MOST_PULLS);
          await under.makeStreams(nc);
          await expectToGoOn();
        } else {
          await running;
          expect(ended).toMatchObject({ name: under.afterWipe });
          expect(pulls).toBeLessThan(MOST_PULLS);
        }
      },
      SLOW_MS,
    );

    it(
      'goes on after the server stood still for longer than its heartbeats',
      async () => {
        server.pause();
        await eventually(() => troubles() > 0, { timeoutMs: 30_000 });
        server.resume();
        await expectToGoOn();
      },
      SLOW_MS,
    );

    it('goes on after it stood still itself for longer than its heartbeats', async () => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10 * PACE.heartbeatMs);
      await expectToGoOn();
    });
  });
};
