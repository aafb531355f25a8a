import { S3Error } from '@fornax/s3';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Amounts, Holder } from '../model/holder.js';
import { QuotaGate, type Room } from './quota-gate.js';

const MAX = 100;
const user = (id: string): Holder => ({ kind: 'user', id });
const PARTS = { nameOf: ({ kind, id }: Holder) => `the ${kind} ${id}`, countAgeMs: 2_000 };

/** A store of one account whose counts show what is there when they begin. */
class Counted {
  now = 0;
  stored = 0;
  counts = 0;
  /** Set: counts wait for it. */
  held: Promise<void> | undefined;
  readonly gate = new QuotaGate({
    ...PARTS,
    limits: ({ id }) => (id === 'nobody' ? {} : { bytes: MAX }),
    used: async () => {
      this.counts += 1;
      const bytes = this.stored;
      await this.held;
      return { bytes };
    },
    now: () => this.now,
  });

  take(bytes: number, owner = 'ada'): Promise<Room | unknown> {
    return this.gate
      .take([user(owner)], { amounts: { bytes } })
      .catch((error: unknown) => (error instanceof S3Error ? error.code : error));
  }

  async room(bytes: number): Promise<Room> {
    return this.gate.take([user('ada')], { amounts: { bytes } });
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
      ...PARTS,
      limits: () => ({ bytes: MAX }),
      used: () => (fails ? Promise.reject(new Error('away')) : Promise.resolve({ bytes: 40 })),
      now: () => 0,
    });
    const take = (bytes: number) => gate.take([user('ada')], { amounts: { bytes } });
    await expect(take(60)).rejects.toThrow('away');
    fails = false;
    const room = await take(60);
    await expect(take(1)).rejects.toMatchObject({ code: 'QuotaExceeded' });
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
          const taken = store.room(bytes).then(
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

describe('quotas of several holders', () => {
  const project: Holder = { kind: 'project', id: 'render' };
  const holders = [user('ada'), project];
  /** Ada may have 10 objects, her project 100 bytes and 3 objects. */
  const gateOver = (has: { objects: number; bytes: number }): QuotaGate =>
    new QuotaGate({
      ...PARTS,
      limits: ({ kind }): Amounts => (kind === 'user' ? { objects: 10 } : { bytes: MAX, objects: 3 }),
      used: async () => ({ ...has }),
      now: () => 0,
    });
  const refusal = (gate: QuotaGate, amounts: Amounts, isReplacing?: boolean): Promise<string> =>
    gate
      .take(holders, { amounts, ...(isReplacing === undefined ? {} : { isReplacing: async () => isReplacing }) })
      .then(
        () => 'none',
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );

  it('hold together: whoever has no room says so, with how much it has', async () => {
    const gate = gateOver({ objects: 2, bytes: 90 });
    expect(await refusal(gate, { bytes: 11, objects: 1 })).toBe(
      'The storage quota of the project render is used up: 90 of 100 bytes, and 11 more do not fit.',
    );
    expect(await refusal(gate, { bytes: 1, objects: 1 })).toBe('none');
    expect(await refusal(gate, { bytes: 1, objects: 1 })).toBe(
      'The storage quota of the project render is used up: 3 of 3 objects (1 of them of uploads that have not ended), and 1 more do not fit.',
    );
  });

  it('give back what one has room for and another has not', async () => {
    const has = { objects: 9, bytes: 200 };
    const gate = gateOver(has);
    for (let tries = 0; tries < 5; tries += 1) expect(await refusal(gate, { objects: 1, bytes: 1 })).not.toBe('none');
    Object.assign(has, { objects: 2, bytes: 0 });
    // Had Ada's objects been kept, five of them, the count that is fresh would have no room left for one.
    expect(await refusal(gateOver(has), { objects: 1 })).toBe('none');
    await gate.take([user('ada')], { amounts: { objects: 1 } });
  });

  it('of objects let one take the place of another, and count it while others take more', async () => {
    const gate = gateOver({ objects: 3, bytes: 0 });
    expect(await refusal(gate, { objects: 1 }, false)).toContain('3 of 3 objects');
    expect(await refusal(gate, { objects: 1, bytes: 10 }, true)).toBe('none');
    expect(await refusal(gate, { objects: 1, bytes: 91 }, true)).toContain('10 of 100 bytes');
  });
});
