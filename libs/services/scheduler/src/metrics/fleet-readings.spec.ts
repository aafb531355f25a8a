import type { FornaxEvent, RecordedCommit } from '@fornax/contracts';
import type { WaitingReason } from '@fornax/domain';
import { aCommit, aLease, anEnd, concluded, dispatched, nodeJoined, requeued, submitted } from '@fornax/testing';
import { describe, expect, it } from '@jest/globals';
import type { FoldedCommit } from '../view/folded-commit.js';
import { SchedulerView } from '../view/scheduler-view.js';
import { fleetReadings } from './fleet-readings.js';
import { finished } from './paced-walk.js';
import { tallyCommit, type WorkMeters } from './work-tally.js';

const recorded = (
  sequence: number,
  aggregate: RecordedCommit['aggregate'],
  aggregateId: string,
  events: readonly FornaxEvent[],
): RecordedCommit => ({ ...aCommit(`commit-${sequence}`, events), sequence, aggregate, aggregateId });

const joined = recorded(1, 'node', 'node-1', [nodeJoined('node-1', { cores: 8, memoryMB: 1_000 })]);
const history = [
  joined,
  recorded(2, 'task', 't', [submitted('t', { instances: '0-9', request: { cores: 2, memoryMB: 100 } })]),
  recorded(3, 'task', 't', [dispatched(aLease(0), aLease(1))]),
];

const readingsOf = (view: SchedulerView, now: number, reason: WaitingReason = 'fleet-full') =>
  finished(fleetReadings(view, { reasonOf: () => ({ reason, detail: '' }), now })).map(({ name, value, labels }) =>
    [name, ...Object.values(labels), value].join(' '),
  );

describe('the gauges of a leader', () => {
  it('say what waits and why, what is on nodes, and what is left of them', () => {
    const view = new SchedulerView();
    for (const commit of history) view.fold(commit);
    const since = view.task('t')?.waitingSince ?? 0;
    const readings = readingsOf(view, since + 90_000);
    for (const expected of [
      'fornax.tasks.unfinished 1',
      'fornax.leases.held dispatched 2',
      'fornax.leases.held executing 0',
      'fornax.queue.instances flex fleet-full 8',
      'fornax.queue.instances onDemand placing 0',
      'fornax.queue.wait.oldest flex 90',
      'fornax.nodes online 1',
      'fornax.nodes lost 0',
      'fornax.fleet.cores used 4',
      'fornax.fleet.cores free 4',
      'fornax.fleet.memory used 200000000',
      'fornax.pool.slots free 0',
    ])
      expect(readings).toContain(expected);
  });

  it.each(['quota', 'credits-exhausted', 'budget-exhausted'] as const)(
    'count what waits for its owner (%s), and wake up nobody for it',
    (reason) => {
      const view = new SchedulerView();
      for (const commit of history) view.fold(commit);
      const readings = readingsOf(view, (view.task('t')?.waitingSince ?? 0) + 90_000, reason);
      expect(readings).toContain(`fornax.queue.instances flex ${reason} 8`);
      expect(readings).toContain('fornax.queue.wait.oldest flex 0');
    },
  );
});

describe('the counts of a leader', () => {
  const tallied = (commits: readonly RecordedCommit[]): readonly string[] => {
    const said: string[] = [];
    const say =
      (what: string) =>
      (...values: readonly unknown[]): void =>
        void said.push([what, ...values.map((value) => JSON.stringify(value))].join(' '));
    const meters: WorkMeters = {
      submitted: say('submitted'),
      ended: say('ended'),
      attemptEnded: say('attemptEnded'),
      requeued: say('requeued'),
      queued: say('queued'),
      started: say('started'),
    };
    const view = new SchedulerView();
    view.onFolded((folded: FoldedCommit) => tallyCommit(folded, meters));
    for (const commit of commits) view.fold(commit);
    return said;
  };

  it('are told once of each commit, however often it is folded', () => {
    const said = tallied([...history, ...history]);
    expect(said).toEqual(tallied(history));
    expect(said.filter((line) => line.startsWith('queued'))).toHaveLength(2);
    expect(said[0]).toBe('submitted {"plan":"flex"}');
  });

  it('tell ends by their cause, and the end of the task once', () => {
    const said = tallied([
      joined,
      recorded(2, 'task', 't', [submitted('t', { instances: '0-1' })]),
      recorded(3, 'task', 't', [dispatched(aLease(0), aLease(1))]),
      recorded(4, 'task', 't', [concluded(anEnd(0)), requeued(anEnd(1, { outcome: 'failure', cause: 'platform' }))]),
      recorded(5, 'task', 't', [dispatched(aLease(1, { leaseId: 'again', attempt: 2 }))]),
      recorded(6, 'task', 't', [
        concluded(anEnd(1, { leaseId: 'again', attempt: 2, outcome: 'failure', cause: 'user' })),
      ]),
    ]);
    expect(said.filter((line) => /^(attemptEnded|requeued|ended)/.test(line))).toEqual([
      'attemptEnded {"outcome":"success","cause":"none"}',
      'requeued {"cause":"platform"}',
      'attemptEnded {"outcome":"failure","cause":"user"}',
      'ended {"plan":"flex","outcome":"failure"}',
    ]);
  });
});
