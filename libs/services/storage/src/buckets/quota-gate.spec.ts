import { S3Error } from '@fornax/s3';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { QuotaGate, type Room } from './quota-gate.js';

const MAX = 100;

/** A store of one account whose counts show what is there when they begin. */
class Counted {
  now = 0;
  stored = 0;
  counts = 0;
  /** Set: counts wait for it. */
  held: Promise<void> | undefined;
  readonly gate = new QuotaGate({
    maxBytes: (owner) => (owner === 'nobody' ? undefined : MAX),
    usedBytes: async () => {
      this.counts += 1;
      const seen = this.stored;
      await this.held;
      return seen;
    },
    now: () => this.now,
  });

  take(bytes: number, owner = 'ada'): Promise<Room | unknown> {
    return this.gate.take(owner, bytes).catch((error: unknown) => (error instanceof S3Error ? error.code : error));
  }

  async room(bytes: number): Promise<Room> {
    return this.gate.take('ada', bytes);
  }

  store(room: Room, bytes: number): void {
    this.stored += bytes;
    room.stored();
  }
}

describe('the quota', () => {
  it('is counted once in two seconds, whatever is let through meanwhile', async () => {
    const store = new Counted();
    store.stored = 50;
    const room = await store.room(30);
    expect(await store.take(30)).toBe('QuotaExceeded');
    expect(await store.take(0)).toBeInstanceOf(Object);
    expect(await store.take(1_000, 'nobody')).toBeInstanceOf(Object);
    store.store(room, 30);
    store.now = 1_999;
    store.store(await store.room(20), 20);
    expect(store.counts).toBe(1);
    store.now = 2_000;
    expect(await store.take(1)).toBe('QuotaExceeded');
    expect(store.counts).toBe(2);
  });

  it('does not forget uploads that take longer than a count is good for', async () => {
    const store = new Counted();
    const long = await store.room(60);
    for (store.now = 2_000; store.now < 20_000; store.now += 2_000) expect(await store.take(60)).toBe('QuotaExceeded');
    store.store(long, 60);
    store.now += 2_000;
    expect(await store.take(60)).toBe('QuotaExceeded');
    store.store(await store.room(40), 40);
  });

  it('has the room of a failed upload again at once, and once', async () => {
    const store = new Counted();
    const failed = await store.room(60);
    failed.release();
    failed.release();
    failed.stored();
    const next = await store.room(60);
    expect(await store.take(60)).toBe('QuotaExceeded');
    store.store(next, 60);
    next.release();
    expect(await store.take(60)).toBe('QuotaExceeded');
  });

  it('keeps what was stored while it was counted', async () => {
    const store = new Counted();
    const room = await store.room(60);
    const gate = Promise.withResolvers<void>();
    store.held = gate.promise;
    store.now = 2_000;
    const waiting = store.take(60);
    store.store(room, 60);
    gate.resolve();
    expect(await waiting).toBe('QuotaExceeded');
    store.held = undefined;
    expect(await store.take(60)).toBe('QuotaExceeded');
  });

  it('refuses nobody for bytes that a count shows which began before they were said to be stored', async () => {
    const store = new Counted();
    const room = await store.room(60);
    store.stored = 60;
    store.now = 2_000;
    store.store(await store.room(0), 0);
    const other = await store.room(0);
    other.release();
    await store.take(100);
    room.stored();
    expect(await store.take(40)).not.toBe('QuotaExceeded');
  });

  it('is counted seldom where counting takes long, and anew before somebody is refused for an old count', async () => {
    const store = new Counted();
    const gate = Promise.withResolvers<void>();
    store.held = gate.promise;
    store.stored = 90;
    const first = store.take(1);
    store.now = 1_000;
    gate.resolve();
    await first;
    store.now = 20_000;
    await store.take(1);
    expect(store.counts).toBe(1);
    store.stored = 0;
    expect(await store.take(50)).not.toBe('QuotaExceeded');
    expect(store.counts).toBe(2);
  });

  it('stays as it was when a count fails', async () => {
    let fails = true;
    const gate = new QuotaGate({
      maxBytes: () => MAX,
      usedBytes: () => (fails ? Promise.reject(new Error('away')) : Promise.resolve(40)),
      now: () => 0,
    });
    await expect(gate.take('ada', 60)).rejects.toThrow('away');
    fails = false;
    const room = await gate.take('ada', 60);
    await expect(gate.take('ada', 1)).rejects.toMatchObject({ code: 'QuotaExceeded' });
    room.release();
  });

  it('is never exceeded by uploads of one process, in whatever order they come and end', async () => {
    const step = fc.record({
      bytes: fc.integer({ min: 1, max: 60 }),
      waitMs: fc.integer({ min: 0, max: 3_000 }),
      ends: fc.nat(5),
      fails: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const store = new Counted();
        const open: { readonly room: Room; readonly bytes: number }[] = [];
        for (const { bytes, waitMs, ends, fails } of steps) {
          store.now += waitMs;
          const taken = store.gate.take('ada', bytes).then(
            (room) => open.push({ room, bytes }),
            () => undefined,
          );
          // One ends while another asks.
          const ending = ends < open.length ? open.splice(ends, 1)[0] : undefined;
          if (ending && fails) ending.room.release();
          if (ending && !fails) store.store(ending.room, ending.bytes);
          await taken;
          const inFlight = open.reduce((sum, one) => sum + one.bytes, 0);
          expect(store.stored + inFlight).toBeLessThanOrEqual(MAX);
        }
      }),
      { numRuns: 200 },
    );
  });
});
