import { describe, expect, it } from '@jest/globals';
import type { FornaxEvent, RecordedCommit } from '@fornax/contracts';
import { plan, sizeOf } from '@fornax/domain';
import {
  aCommit,
  aLease,
  anEnd,
  cancelRequested,
  concluded,
  dispatched,
  nodeJoined,
  requeued,
  submitted,
} from '@fornax/testing';
import { SchedulerView } from './scheduler-view.js';

const at = (
  sequence: number,
  aggregate: RecordedCommit['aggregate'],
  aggregateId: string,
  ...events: readonly FornaxEvent[]
): RecordedCommit => ({
  ...aCommit(`commit-${sequence}`, events),
  sequence,
  aggregate,
  aggregateId,
});

const viewOf = (...commits: readonly RecordedCommit[]): SchedulerView => {
  const view = new SchedulerView();
  for (const commit of commits) view.fold(commit);
  return view;
};
const freeCores = (view: SchedulerView): readonly number[] => view.cluster().map((node) => node.freeCores);

describe('the scheduler view', () => {
  it('counts what leases occupy until their attempts end', () => {
    const view = viewOf(
      at(1, 'node', 'node-1', nodeJoined('node-1', { cores: 8 })),
      at(2, 'task', 't', submitted('t', { instances: '0-3', request: { cores: 2, memoryMB: 1 } })),
      at(3, 'task', 't', dispatched(aLease(0), aLease(1))),
    );
    expect(freeCores(view)).toEqual([4]);
    view.fold(at(4, 'task', 't', concluded(anEnd(0)), requeued(anEnd(1, { outcome: 'failure', cause: 'platform' }))));
    expect(freeCores(view)).toEqual([8]);
  });

  it('counts the room for files that leases were promised, and offers none of a node that does not say what it has', () => {
    const request = { cores: 1, memoryMB: 1, diskMB: 30 };
    const view = viewOf(
      at(1, 'node', 'node-1', nodeJoined('node-1', { cores: 8, diskMB: 100 })),
      at(2, 'node', 'node-2', nodeJoined('node-2', { cores: 8 })),
      at(3, 'task', 't', submitted('t', { instances: '0-3', request })),
      at(4, 'task', 't', dispatched(aLease(0), aLease(1))),
    );
    const free = () => view.cluster().map((node) => node.freeDiskMB);
    expect(free()).toEqual([40, 0]);
    view.fold(at(5, 'task', 't', concluded(anEnd(0))));
    expect(free()).toEqual([70, 0]);
  });

  it('offers the room for files that a node says it has now, beside what leases were promised, and no more than that', () => {
    const request = { cores: 1, memoryMB: 1, diskMB: 30 };
    const view = viewOf(
      at(1, 'node', 'node-1', nodeJoined('node-1', { cores: 8, diskMB: 100 })),
      at(2, 'task', 't', submitted('t', { instances: '0-3', request })),
      at(3, 'task', 't', dispatched(aLease(0))),
    );
    const hear = (diskMB: number, nodeEpoch = 1) => view.rooms.hear({ node: 'node-1', nodeEpoch, diskMB });
    const room = () => view.cluster().map(({ freeDiskMB, hardware }) => [freeDiskMB, hardware.diskMB]);
    expect(room()).toEqual([[70, 100]]);
    // Somebody else has filled it.
    expect(hear(10)).toBe(true);
    expect(room()).toEqual([[10, 100]]);
    // It is larger than it was when the node joined, and the instance has used half of what it was promised.
    expect(hear(485)).toBe(true);
    expect(room()).toEqual([[455, 485]]);
    expect(hear(470)).toBe(false);
    expect(room()).toEqual([[455, 485]]);
    expect(hear(5, 0)).toBe(false);
    expect(room()).toEqual([[455, 485]]);
    view.fold(at(4, 'node', 'node-1', nodeJoined('node-1', { cores: 8, diskMB: 60 }, 2)));
    expect(room()).toEqual([[expect.any(Number), 60]]);
  });

  it('knows which nodes let instances out, and which tasks are to get out', () => {
    const view = viewOf(
      at(1, 'node', 'node-1', nodeJoined('node-1', { cores: 2, wayOut: false })),
      at(2, 'task', 'outgoing', submitted('outgoing', { profile: 'docker-network', instances: '0-0' })),
      at(3, 'task', 'batch', submitted('batch', { profile: 'docker-batch', instances: '0-0' })),
    );
    const round = () =>
      plan(
        view.cluster(),
        view.queue.front(10, () => false),
        { maxPlacements: 10 },
      );
    expect(round()).toMatchObject({
      placements: [{ taskId: 'batch' }],
      reasons: [{ classKey: view.queue.classKeyOf('outgoing'), reason: 'no-node-fits' }],
    });
    view.fold(at(4, 'node', 'node-2', nodeJoined('node-2', { cores: 2 })));
    expect(round().placements).toContainEqual(expect.objectContaining({ taskId: 'outgoing', node: 'node-2' }));
  });

  it('folds a commit once, whoever brings it', () => {
    const dispatch = at(3, 'task', 't', dispatched(aLease(0)));
    const view = viewOf(at(1, 'node', 'node-1', nodeJoined('node-1')), at(2, 'task', 't', submitted('t')), dispatch);
    expect(view.fold(dispatch)).toMatchObject({ dispatched: [], wakes: false });
    expect(freeCores(view)).toEqual([7]);
  });

  it('forgets a finished task, and what comes late about it', () => {
    const view = viewOf(
      at(1, 'task', 't', submitted('t', { instances: '0' })),
      at(2, 'task', 't', dispatched(aLease(0))),
      at(3, 'task', 't', concluded(anEnd(0))),
    );
    view.fold(at(2, 'task', 't', dispatched(aLease(0))));
    expect({ tasks: view.taskCount(), leases: view.leases.size }).toEqual({ tasks: 0, leases: 0 });
  });

  it('queues instances that wait again after a retry', () => {
    const view = viewOf(
      at(1, 'task', 't', submitted('t', { instances: '0-1' })),
      at(2, 'task', 't', dispatched(aLease(0), aLease(1))),
    );
    expect(view.queue.size).toBe(0);
    view.fold(at(3, 'task', 't', requeued(anEnd(0, { outcome: 'failure', cause: 'node-lost' }))));
    expect(view.queue.waitingInstances).toBe(1);
  });

  it('says which leases must stop when a task is cancelled', () => {
    const view = viewOf(at(1, 'task', 't', submitted('t')), at(2, 'task', 't', dispatched(aLease(0))));
    expect(view.fold(at(3, 'task', 't', cancelRequested)).cancelled.map(({ taskId }) => taskId)).toEqual(['t']);
    expect(view.queue.size).toBe(0);
  });

  it('offers no room on nodes that are lost, drained or retired', () => {
    const view = viewOf(
      at(1, 'node', 'a', nodeJoined('a')),
      at(2, 'node', 'b', nodeJoined('b'), { type: 'NodeLost', nodeId: 'b', epoch: 1, cause: 'heartbeat', at: 1 }),
      at(3, 'node', 'c', nodeJoined('c'), { type: 'NodeDrained', nodeId: 'c', at: 1 }),
    );
    expect(view.cluster().map(({ id }) => id)).toEqual(['a']);
  });

  it('offers no room on a node with a full disk until it says that there is room, or joins anew', () => {
    const disk = (sequence: number, type: 'NodeDiskFilled' | 'NodeDiskFreed') =>
      at(sequence, 'node', 'a', { type, nodeId: 'a', epoch: 1, at: 1 });
    const view = viewOf(at(1, 'node', 'a', nodeJoined('a', { cores: 2 })), at(2, 'task', 't', submitted('t')));
    const room = () => [view.hasRoom(), view.cluster().length, view.closedNodes().map(({ status }) => status)];
    expect(room()).toEqual([true, 1, []]);
    view.fold(disk(3, 'NodeDiskFilled'));
    expect(room()).toEqual([false, 0, ['disk-full']]);
    expect(view.fold(disk(4, 'NodeDiskFreed')).wakes).toBe(true);
    expect(room()).toEqual([true, 1, []]);
    view.fold(disk(5, 'NodeDiskFilled'));
    view.fold(at(6, 'node', 'a', nodeJoined('a', { cores: 2 })));
    expect(room()).toEqual([true, 1, []]);
  });

  it('knows that no round can place anything while the fleet is full', () => {
    const view = viewOf(
      at(1, 'node', 'node-1', nodeJoined('node-1', { cores: 2 })),
      at(2, 'task', 't', submitted('t', { instances: '0-3' })),
    );
    expect(view.hasRoom()).toBe(true);
    view.fold(at(3, 'task', 't', dispatched(aLease(0), aLease(1))));
    expect(view.hasRoom()).toBe(false);
  });

  it('gives back reserved room of leases that never came to be, and keeps that of those that did', () => {
    const view = viewOf(
      at(1, 'node', 'node-1', nodeJoined('node-1', { cores: 8 })),
      at(2, 'task', 't', submitted('t')),
    );
    const entry = view.task('t');
    if (!entry) throw new Error('the task is there');
    view.reserve(entry, [aLease(0), aLease(1)]);
    expect(freeCores(view)).toEqual([6]);
    view.fold(at(3, 'task', 't', dispatched(aLease(0))));
    view.release('t', [aLease(0), aLease(1)]);
    expect(freeCores(view)).toEqual([7]);
    expect(sizeOf(view.task('t')?.state.waiting ?? { bounds: [], size: 0 })).toBe(1);
  });
});
