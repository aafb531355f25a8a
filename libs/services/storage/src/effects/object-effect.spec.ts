import type { FornaxEvent, RecordedCommit } from '@fornax/contracts';
import type { AttemptEnd } from '@fornax/domain';
import { describe, expect, it } from '@jest/globals';
import { effectsOf, stepsOf } from './object-effect.js';

const at = 1;
const created = (bucket: string, owner = 'ada'): FornaxEvent => ({ type: 'BucketCreated', bucket, owner, at });
const deleted = (bucket: string): FornaxEvent => ({ type: 'BucketDeleted', bucket, at });
const attempt = (leaseId: string, more: Partial<AttemptEnd> = {}): AttemptEnd => ({
  leaseId,
  instance: 0,
  node: 'n',
  attempt: 1,
  outcome: 'success',
  endedAt: at,
  cores: 1,
  uploadedFiles: 1,
  uploadedBytes: 0,
  hardware: { specificationKey: 's', cpuModel: 'm', cores: 1, ghz: 1 },
  ...more,
});
const concluded = (...leases: readonly string[]): FornaxEvent => ({
  type: 'InstancesConcluded',
  attempts: leases.map((lease) => attempt(lease)),
  at,
});
const requeued = (...leases: readonly string[]): FornaxEvent => ({
  type: 'InstancesRequeued',
  attempts: leases.map((lease) => attempt(lease)),
  at,
});
const commits = (...events: readonly FornaxEvent[]): readonly RecordedCommit[] =>
  events.map((event, index) => ({
    id: String(index),
    events: [event],
    at,
    meta: { actor: 'service:test', source: 's', correlationId: 'c' },
    sequence: index + 1,
    aggregate: 'task',
    aggregateId: 'task-1',
  }));

/** Steps without the effects that they are made of. */
const steps = (...events: readonly FornaxEvent[]) =>
  stepsOf(effectsOf(commits(...events))).map(({ created, deleted, published, dropped }) => ({
    ...(created.length + deleted.length > 0 ? { created, deleted } : {}),
    ...(published.length + dropped.length > 0 ? { published, dropped } : {}),
  }));

describe('effects of commits', () => {
  it('stand in the order of the log, each with its place there and with what its order matters to', () =>
    expect(effectsOf(commits(created('b'), concluded('l1', 'l2'), requeued('l3'), deleted('b')))).toEqual([
      { sequence: 1, kind: 'create', scope: 'bucket/b', names: ['b'] },
      { sequence: 2, kind: 'publish', scope: 'task/task-1', names: ['task-1/l1/', 'task-1/l2/'] },
      { sequence: 3, kind: 'drop', scope: 'task/task-1', names: ['task-1/l3/'] },
      { sequence: 4, kind: 'delete', scope: 'bucket/b', names: ['b'] },
    ]));

  it('publish what attempts left as results, and drop what others began to upload', () => {
    const attempts = [
      attempt('failed', { outcome: 'failure' }),
      attempt('wanted', { outcome: 'cancelled' }),
      attempt('cancelled', { outcome: 'cancelled', uploadedFiles: 0 }),
      attempt('lost', { outcome: 'failure', uploadedFiles: 0 }),
      attempt('empty', { uploadedFiles: 0 }),
    ];
    expect(steps({ type: 'InstancesConcluded', attempts, at })).toEqual([
      { published: ['task-1/failed/', 'task-1/wanted/'], dropped: ['task-1/cancelled/', 'task-1/lost/'] },
    ]);
  });

  it('drop the files of a snapshot that is pruned, and not before', () => {
    const at = 1;
    const taskId = 't';
    expect(effectsOf(commits({ type: 'SnapshotPruneRequested', taskId, cause: 'retention', at }))).toEqual([]);
    expect(effectsOf(commits({ type: 'SnapshotPruned', taskId, at }))).toMatchObject([
      { kind: 'drop', scope: 'task/t', names: ['t/task-1/'] },
    ]);
  });

  it('are none for what says nothing about objects', () =>
    expect(effectsOf(commits({ type: 'TaskCancelRequested', at }, concluded()))).toEqual([]));
});

describe('steps', () => {
  it('take all results in one move, and then drop what was tried again', () =>
    expect(steps(concluded('l1', 'l2'), concluded('l3'), requeued('l4'), { type: 'TaskDeleted', at })).toEqual([
      { published: ['task-1/l1/', 'task-1/l2/', 'task-1/l3/'], dropped: ['task-1/l4/', 'task-1/'] },
    ]));

  it('publish nothing that an earlier event has dropped', () =>
    expect(steps({ type: 'TaskDeleted', at }, concluded('l1'))).toEqual([
      { published: [], dropped: ['task-1/'] },
      { published: ['task-1/l1/'], dropped: [] },
    ]));

  it('keep the order of buckets and results', () =>
    expect(steps(created('b'), concluded('l1'), deleted('b'))).toEqual([
      { created: ['b'], deleted: [] },
      { published: ['task-1/l1/'], dropped: [] },
      { created: [], deleted: ['b'] },
    ]));

  it('empty a bucket that is deleted and made again at once', () =>
    expect(steps(created('b'), deleted('b'), created('b', 'eve'), created('c'), deleted('c'))).toEqual([
      { created: ['b'], deleted: ['b', 'c'] },
    ]));

  it('know which effects they are made of', () => {
    const effects = effectsOf(commits(created('b'), concluded('l1'), concluded('l2')));
    expect(stepsOf(effects).map(({ of }) => of)).toEqual([[effects[0]], [effects[1], effects[2]]]);
  });
});
