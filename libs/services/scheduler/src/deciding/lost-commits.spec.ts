import { describe, expect, it } from '@jest/globals';
import type { Aggregate, Commit, RecordedCommit } from '@fornax/contracts';
import { InMemoryLog } from '@fornax/event-store';
import { aCommit, aLease, dispatched, nodeJoined, submitted } from '@fornax/testing';
import { SchedulerView } from '../view/scheduler-view.js';
import { TaskWriter } from './task-writer.js';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
type Events = Commit['events'];

/** A log that has lost its last commits, and a view that was folded from all of them (the stored fold is older than the loss). */
const rigOf = async () => {
  const log = new InMemoryLog();
  const view = new SchedulerView();
  let ids = 0;
  let foldedAnew = 0;
  const commitOf = (events: Events): Commit => aCommit(`c-${(ids += 1)}`, events);
  const kept = async (aggregate: Aggregate, aggregateId: string, events: Events): Promise<void> => {
    const commit = commitOf(events);
    const sequence = await log.append(aggregate, aggregateId, commit, 0);
    view.fold({ ...commit, sequence, aggregate, aggregateId });
  };
  let lostAt = 1_000;
  const lost = (aggregateId: string, events: Events): void => {
    const commit: RecordedCommit = { ...commitOf(events), sequence: (lostAt += 1), aggregate: 'task', aggregateId };
    view.fold(commit);
  };
  const writer = new TaskWriter({
    view,
    log,
    now: () => 5_000,
    newId: () => `id-${(ids += 1)}`,
    leaderEpoch: 1,
    fold: (commit) => view.fold(commit),
    onFolded: () => undefined,
    onFoldedAnew: () => (foldedAnew += 1),
    onSuperseded: () => undefined,
    onIdle: () => undefined,
    logger: silent,
    inSpan: (_name, parent, work) => work(parent),
    signal: new AbortController().signal,
  });
  const typesOf = async (id: string): Promise<readonly string[]> =>
    (await log.readAggregate('task', id)).flatMap(({ events }) => events.map(({ type }) => type));
  return { view, writer, kept, lost, typesOf, foldedAnew: () => foldedAnew };
};

describe('a writer whose view knows commits that the log has lost', () => {
  it('folds the task anew, gives back the room of leases that are in no log, and dispatches it', async () => {
    const { view, writer, kept, lost, typesOf, foldedAnew } = await rigOf();
    await kept('node', 'node-1', [nodeJoined('node-1')]);
    await kept('task', 't', [submitted('t')]);
    lost('t', [dispatched(aLease(0, { leaseId: 'lost' }))]);
    expect(view.leases.size).toBe(1);
    await writer.revoke('t', ['lost'], 'node-lost');
    expect(foldedAnew()).toBe(1);
    expect(view.leases.size).toBe(0);
    await writer.dispatch('t', [aLease(0, { leaseId: 'new' })]);
    expect(await typesOf('t')).toEqual(['TaskSubmitted', 'InstancesDispatched']);
    expect(view.leases.size).toBe(1);
  });

  it('forgets a task whose submission is lost: it holds no place in the queue', async () => {
    const { view, writer, kept, lost, typesOf } = await rigOf();
    await kept('node', 'node-1', [nodeJoined('node-1')]);
    lost('t', [submitted('t')]);
    expect(view.queue.size).toBe(1);
    await writer.dispatch('t', [aLease(0, { leaseId: 'new' })]);
    expect(view.task('t')).toBeUndefined();
    expect([view.queue.size, view.leases.size]).toEqual([0, 0]);
    expect(await typesOf('t')).toEqual([]);
  });
});
