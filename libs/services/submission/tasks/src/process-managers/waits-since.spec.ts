import { describe, expect, it } from '@jest/globals';
import type { StoppingHold } from '@fornax/domain';
import { WaitsSince } from './waits-since.js';

const aHold = (spendingId: string, at = 1_000): StoppingHold => ({
  spendingId,
  ...{ at, holder: 'project', kind: 'budget', stops: true, until: null },
});

describe('what tasks that a budget stops wait for', () => {
  it('is counted from the first question about each of them, whatever is told of others', () => {
    const waits = new WaitsSince();
    const hold = aHold('one');
    expect(waits.note(hold, 'a', undefined, 2_000)).toEqual({ status: 'unanswered', askedAt: 2_000 });
    expect(waits.note(hold, 'b', { status: 'over' }, 2_500)).toEqual({ status: 'over' });
    expect(waits.note(hold, 'c', undefined, 3_000)).toEqual({ status: 'unanswered', askedAt: 3_000 });
    expect(waits.note(hold, 'a', undefined, 4_000)).toEqual({ status: 'unanswered', askedAt: 2_000 });
    expect(waits.note(aHold('one', 3_500), 'a', undefined, 4_000)).toEqual({ status: 'unanswered', askedAt: 4_000 });
  });

  it('is counted from when a snapshot was triggered of which nobody tells any more', () => {
    const waits = new WaitsSince();
    const hold = aHold('one');
    waits.note(hold, 'a', undefined, 2_000);
    const open = { status: 'open', triggeredAt: 2_200 } as const;
    expect(waits.note(hold, 'a', open, 2_300)).toEqual(open);
    expect(waits.note(hold, 'a', undefined, 9_000)).toEqual({ status: 'unanswered', askedAt: 2_200 });
  });

  it('is forgotten with the wait, and with what stopped them', () => {
    const waits = new WaitsSince();
    for (const id of ['a', 'b', 'c']) waits.note(aHold('one'), id, undefined, 2_000);
    waits.note(aHold('two'), 'd', undefined, 2_000);
    waits.note(aHold('one'), 'a', { status: 'none' }, 2_500);
    waits.note(aHold('one'), 'b', { status: 'over' }, 2_500);
    expect(waits.size).toBe(2);
    waits.keepOnly([aHold('two')]);
    expect(waits.size).toBe(1);
    expect(waits.note(aHold('one'), 'c', undefined, 5_000)).toEqual({ status: 'unanswered', askedAt: 5_000 });
    waits.keepOnly([]);
    expect(waits.size).toBe(0);
  });
});
