import { describe, expect, it } from '@jest/globals';
import type { AttemptChange } from '../api/attempts.ts';
import { attemptsOf, lanesOf } from './attempts.ts';

const at = (seconds: number): string => new Date(seconds * 1_000).toISOString();
const nothing = {
  attempt: null,
  node: null,
  startedAt: null,
  endedAt: null,
  outcome: null,
  cause: null,
  exitCode: null,
};
const change = (
  seconds: number,
  kind: AttemptChange['kind'],
  what: string | readonly Partial<AttemptChange['attempts'][number]>[],
): AttemptChange => ({
  sequence: seconds,
  at: at(seconds),
  kind,
  instances: typeof what === 'string' ? what : null,
  attempts: typeof what === 'string' ? [] : what.map((one) => ({ instance: 0, ...nothing, ...one })),
});
const changes = [
  change(1, 'waiting', '0-1'),
  change(3, 'dispatched', [
    { instance: 0, attempt: 1, node: 'b' },
    { instance: 1, attempt: 1, node: 'a' },
  ]),
  change(4, 'started', [{ instance: 0, startedAt: at(4) }]),
  change(6, 'requeued', [{ instance: 0, startedAt: at(4), endedAt: at(5), outcome: 'failure', cause: 'node-lost' }]),
  change(9, 'dispatched', [{ instance: 0, attempt: 2, node: 'a' }]),
];

describe('attempts', () => {
  it('are put together of what happened: since when each waited, where it ran, how it ended', () => {
    const [first, other, second] = attemptsOf(changes);
    expect(first).toMatchObject({
      node: 'b',
      waitedFrom: 1_000,
      sentAt: 3_000,
      startedAt: 4_000,
      exitedAt: 5_000,
      overAt: 6_000,
      cause: 'node-lost',
    });
    expect(other).toMatchObject({ instance: 1, startedAt: undefined, overAt: undefined });
    expect(second).toMatchObject({ attempt: 2, waitedFrom: 6_000, sentAt: 9_000 });
  });

  it('of a task that waits for others have waited since these had ended', () => {
    const all = { ...change(5, 'waiting', []), instances: null };
    expect(attemptsOf([all, change(8, 'dispatched', [{ attempt: 1, node: 'a' }])])).toMatchObject([
      { waitedFrom: 5_000 },
    ]);
  });

  it('stand in rows: by instance, as they were sent, or as few for each node as ran there at once', () => {
    const attempts = attemptsOf(changes);
    const labels = (order: Parameters<typeof lanesOf>[1]) =>
      lanesOf(attempts, order).map((lane) => [lane.label, lane.attempts.length]);
    expect(labels('instance')).toEqual([
      ['0', 2],
      ['1', 1],
    ]);
    expect(labels('time')).toEqual([
      ['0 (1)', 1],
      ['1 (1)', 1],
      ['0 (2)', 1],
    ]);
    expect(labels('node')).toEqual([
      ['a', 1],
      ['a', 1],
      ['b', 1],
    ]);
  });
});
