import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { Settling, settlingFor } from './settling.js';

const LONG_MS = 3_600_000;
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
let over: AbortController;
beforeEach(() => void (over = new AbortController()));
afterEach(() => over.abort());

const settling = (times: { readonly leastMs: number; readonly mostMs: number }, isSettled: () => boolean) => {
  let ends = 0;
  const waits = new Settling({ ...times, isSettled, onOver: () => (ends += 1), logger: silent, signal: over.signal });
  return { waits, ends: () => ends };
};

describe('settling after commits were given up', () => {
  it('lasts until the nodes have told what they run, whatever they had told before the least time', async () => {
    let isSettled = true;
    const early = settling({ leastMs: LONG_MS, mostMs: LONG_MS }, () => isSettled);
    early.waits.look();
    expect([early.waits.isOver, early.ends()]).toEqual([false, 0]);
    isSettled = false;
    const late = settling({ leastMs: 0, mostMs: LONG_MS }, () => isSettled);
    late.waits.look();
    expect(late.waits.isOver).toBe(false);
    isSettled = true;
    await eventually(() => {
      late.waits.look();
      return late.waits.isOver;
    });
    late.waits.look();
    expect(late.ends()).toBe(1);
  });

  it('is measured from when the loss was known, and no clock that is set makes it longer or leaves it out', () => {
    const times = { graceMs: 10_000, listMs: 10_000 };
    const all = { leastMs: 20_000, mostMs: 60_000 };
    expect(settlingFor(times, 0)).toEqual(all);
    expect(settlingFor(times, 25_000)).toEqual({ leastMs: 0, mostMs: 35_000 });
    expect(settlingFor(times, 60_000)).toBeUndefined();
    // The database's clock went back a day, and forward a day, while this process knew of the loss.
    expect(settlingFor(times, -86_400_000)).toEqual(all);
    expect(settlingFor(times, 86_400_000, 5_000)).toEqual({ leastMs: 15_000, mostMs: 55_000 });
    // This process began later.
    expect(settlingFor(times, 86_400_000, Infinity)).toBeUndefined();
  });

  it('does not wait for ever for nodes that tell nothing', async () => {
    const { waits, ends } = settling({ leastMs: 0, mostMs: 1 }, () => false);
    await eventually(() => waits.isOver);
    expect(ends()).toBe(1);
  });
});
