import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { type Claim, type OutputFlow, OutputTurns } from './output-turns.js';

const CHUNK = 262_144;
const LINE = 60;

/** Who wants its next turn at once, and for how much. */
type Floods = ReadonlyMap<OutputFlow, number>;

/** A stream that is read in order, at a pace of its own, with what printers of any number want. */
class Rig {
  readonly turns: OutputTurns;
  readonly sent: Claim[] = [];
  #sequence = 0;
  #read = 0;

  constructor(windowBytes: number, bytesPerS = 0) {
    this.turns = new OutputTurns({ bytesPerS, windowBytes });
  }

  /** Gives what turns there are; whoever floods wants the next one at once. */
  go(nowMs: number, floods: Floods = new Map()): void {
    for (let granted = this.turns.grant(nowMs); granted.length > 0; granted = this.turns.grant(nowMs))
      for (const claim of granted) {
        this.sent.push(claim);
        this.turns.stored(claim, (this.#sequence += 1));
        const size = floods.get(claim.flow);
        if (size !== undefined) this.turns.want(claim.flow, size);
      }
  }

  /** The reader takes one more message. */
  readOne(): void {
    if (this.#read < this.#sequence) this.turns.read((this.#read += 1));
  }

  get unreadBytes(): number {
    return this.sent.slice(this.#read).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  bytesOf(flow: OutputFlow): number {
    return this.sent.filter((claim) => claim.flow === flow).reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

const floodsOf = (rig: Rig, ...sizes: readonly number[]): Floods => {
  const floods = new Map(sizes.map((size, index) => [rig.turns.open(`flood-${index}`, 0), size]));
  for (const [flow, size] of floods) rig.turns.want(flow, size);
  return floods;
};

describe('turns of output', () => {
  it('never have more unread than the window, whoever wants what', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: CHUNK, max: 8 * CHUNK }),
        fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: CHUNK }), fc.nat(2)), { minLength: 1, maxLength: 60 }),
        (window, wishes) => {
          const rig = new Rig(window);
          const flows = Array.from({ length: 6 }, (_, index) => rig.turns.open(`t${index}`, 0));
          for (const [index, bytes, reads] of wishes) {
            const flow = flows[index];
            if (flow) rig.turns.want(flow, bytes);
            rig.go(0);
            for (let read = 0; read < reads; read += 1) rig.readOne();
            // Beyond the window only those with less than 64 KiB of their own.
            expect(rig.unreadBytes).toBeLessThanOrEqual(window + 6 * 65_536);
          }
          for (let left = 0; left < 10 * wishes.length; left += 1) {
            rig.readOne();
            rig.go(0);
          }
          // Nothing is left behind.
          expect(rig.sent).toHaveLength(wishes.length);
          expect(rig.turns.isWaiting).toBe(false);
        },
      ),
    );
  });

  it('come next to an instance that prints a line, however many flood', () => {
    const rig = new Rig(4 * CHUNK);
    const floods = floodsOf(rig, CHUNK, CHUNK, CHUNK, CHUNK, CHUNK);
    const quiet = rig.turns.open('quiet', 0);
    for (let second = 0; second < 50; second += 1) {
      rig.go(second, floods);
      const line = rig.turns.want(quiet, LINE);
      const before = rig.sent.length;
      rig.go(second, floods);
      // Although the window is full, and nothing was read meanwhile.
      expect(rig.sent.indexOf(line)).toBe(before);
      for (let read = 0; read < 3; read += 1) rig.readOne();
    }
  });

  it('are shared equally by all that flood, also with one that floods in small pieces', () => {
    const rig = new Rig(4 * CHUNK);
    const floods = floodsOf(rig, CHUNK, CHUNK, CHUNK, 20_000);
    for (let round = 0; round < 3_000; round += 1) {
      rig.go(round, floods);
      rig.readOne();
    }
    const bytes = [...floods.keys()].map((flow) => rig.bytesOf(flow));
    expect(Math.min(...bytes) / Math.max(...bytes)).toBeGreaterThan(0.9);
  });

  it('are no more for one that has waited long before it wanted any', () => {
    const rig = new Rig(4 * CHUNK);
    const early = floodsOf(rig, CHUNK);
    for (let round = 0; round < 100; round += 1) {
      rig.go(round, early);
      rig.readOne();
    }
    const late = rig.turns.open('late', 0);
    rig.turns.want(late, CHUNK);
    const before = rig.sent.length;
    for (let round = 0; round < 100; round += 1) {
      rig.go(round, new Map([...early, [late, CHUNK]]));
      rig.readOne();
    }
    const since = rig.sent.slice(before);
    expect(Math.abs(since.filter(({ flow }) => flow === late).length * 2 - since.length)).toBeLessThanOrEqual(2);
  });

  it('keep one instance to its rate, after a burst of a second of it', () => {
    const rig = new Rig(1_000 * CHUNK, CHUNK);
    const floods = floodsOf(rig, CHUNK);
    const [flow] = floods.keys();
    for (let ms = 0; ms <= 20_000; ms += 100) {
      rig.go(ms, floods);
      while (rig.unreadBytes > 0) rig.readOne();
    }
    const chunks = (flow ? rig.bytesOf(flow) : 0) / CHUNK;
    expect(chunks).toBeGreaterThanOrEqual(20);
    expect(chunks).toBeLessThanOrEqual(22);
    expect(rig.turns.waitMs(20_000)).toBeGreaterThan(0);
  });

  it('do not come to a task that is held, and then do', () => {
    const rig = new Rig(4 * CHUNK);
    const [held, other] = [rig.turns.open('held', 0), rig.turns.open('other', 0)];
    rig.turns.allow(4 * CHUNK, ['held']);
    rig.turns.want(held, LINE);
    rig.turns.want(other, LINE);
    rig.go(0);
    expect(rig.sent.map(({ flow }) => flow.taskId)).toEqual(['other']);
    expect([rig.turns.isWaiting, rig.turns.tasks]).toEqual([true, ['held', 'other']]);
    rig.turns.allow(4 * CHUNK, []);
    rig.go(0);
    expect(rig.sent.map(({ flow }) => flow.taskId)).toEqual(['other', 'held']);
  });

  it('leave room for others when one is withdrawn, before its turn and after', () => {
    const rig = new Rig(CHUNK);
    const [one, two, three] = ['1', '2', '3'].map((task) => rig.turns.want(rig.turns.open(task, 0), CHUNK));
    if (!one || !two || !three) throw new Error('three want a turn');
    expect(rig.turns.grant(0)).toEqual([one]);
    rig.turns.withdraw(two);
    expect(rig.turns.grant(0)).toEqual([]);
    rig.turns.withdraw(one);
    expect(rig.turns.grant(0)).toEqual([three]);
  });

  it('go on at a pace when nobody says what was read', () => {
    const rig = new Rig(2 * CHUNK);
    const floods = floodsOf(rig, CHUNK);
    rig.go(0, floods);
    expect(rig.sent).toHaveLength(2);
    expect(rig.turns.assumeRead(CHUNK + 10)).toBe(10);
    rig.go(0, floods);
    expect(rig.sent).toHaveLength(3);
  });

  it('ask for the place where half of what is unread will have been read', () => {
    const rig = new Rig(8 * CHUNK);
    const floods = floodsOf(rig, CHUNK);
    expect([rig.turns.reach, rig.turns.isFilling]).toEqual([0, true]);
    rig.go(0, floods);
    expect(rig.turns.reach).toBe(4);
    rig.turns.read(4);
    expect(rig.turns.reach).toBe(6);
  });
});
