import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { Settling } from './settling.js';

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

  it('does not wait for ever for nodes that tell nothing', async () => {
    const { waits, ends } = settling({ leastMs: 0, mostMs: 1 }, () => false);
    await eventually(() => waits.isOver);
    expect(ends()).toBe(1);
  });
});
