import { describe, expect, it } from '@jest/globals';
import type { TaskEvent } from '@fornax/domain';
import { aCommit, aLease, anEnd, aRef, concluded, dispatched, requeued, started, submitted } from '@fornax/testing';
import { sentenceOf, WaitingFold, type WaitingFacts } from './waiting.js';

const folded = (...events: readonly TaskEvent[]): WaitingFacts => {
  const fold = new WaitingFold();
  for (const [index, event] of events.entries())
    fold.apply({
      ...aCommit(`c-${index}`, [event]),
      at: event.at,
      sequence: index + 1,
      aggregate: 'task',
      aggregateId: 't',
    });
  const facts = fold.facts();
  if (!facts) throw new Error('nothing was folded');
  return facts;
};
const two = submitted('t', { instances: '0-1' });
const reason = (text: string | null, at: number): TaskEvent => ({
  type: 'WaitingReasonChanged',
  reason: text,
  detail: null,
  at,
});

describe('why a task waits', () => {
  it('is told with the time since when and the history', () => {
    const facts = folded(two, reason('no-node', 2_000), reason('fleet-full', 3_000));
    expect(facts).toMatchObject({ waiting: 2, since: 1_000, reason: 'fleet-full', at: 3_000 });
    expect(facts.history.map((change) => [change.reason, change.sequence])).toEqual([
      ['no-node', 2],
      ['fleet-full', 3],
    ]);
    expect(sentenceOf(facts)).toBe('2 instances of 2 wait: the nodes that fit are busy.');
  });

  it('is nothing once all are placed, and begins anew when one comes back', () => {
    const placed = folded(two, reason('no-node', 2_000), dispatched(aLease(0), aLease(1)));
    expect(placed).toMatchObject({ waiting: 0, since: null, reason: null });
    expect(sentenceOf(placed)).toBe('Nothing waits: all of 2 instances are running, on their way or over.');
    const back = { ...requeued(anEnd(0, { outcome: 'failure', cause: 'node-lost' })), at: 9_000 };
    const again = folded(two, dispatched(aLease(0), aLease(1)), started(aRef(0)), back);
    expect(again).toMatchObject({ waiting: 1, since: 9_000, reason: null });
    expect(sentenceOf(again)).toMatch(/^1 instance of 2 waits; nothing stands in the way/);
  });

  it('is nothing for a task that is over or gone', () => {
    const over = folded(two, dispatched(aLease(0), aLease(1)), concluded(anEnd(0), anEnd(1)));
    expect(sentenceOf(over)).toBe('Nothing waits: the task is over (Success).');
    expect(sentenceOf(folded(two, { type: 'TaskDeleted', at: 5 }))).toBe('Nothing waits: the task was deleted.');
  });
});
