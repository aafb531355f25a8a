import type { FornaxEvent, RecordedCommit } from '@fornax/contracts';
import type { AttemptEnd } from '@fornax/domain';
import { describe, expect, it } from '@jest/globals';
import { effectsOf } from './buckets.projection.js';

const at = 1;
const created = (bucket: string, owner = 'ada'): FornaxEvent => ({ type: 'BucketCreated', bucket, owner, at });
const deleted = (bucket: string): FornaxEvent => ({ type: 'BucketDeleted', bucket, at });
const attempt = (leaseId: string): AttemptEnd => ({
  leaseId,
  instance: 0,
  node: 'n',
  attempt: 1,
  outcome: 'success',
  endedAt: at,
  cores: 1,
  uploadedFiles: 0,
  uploadedBytes: 0,
  hardware: { specificationKey: 's', cpuModel: 'm', cores: 1, ghz: 1 },
});
const concluded = (...leases: readonly string[]): FornaxEvent => ({
  type: 'InstancesConcluded',
  attempts: leases.map(attempt),
  at,
});
const requeued = (...leases: readonly string[]): FornaxEvent => ({
  type: 'InstancesRequeued',
  attempts: leases.map(attempt),
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

describe('effects of commits', () => {
  it('take all results of a batch in one move, and then drop what was tried again', () => {
    expect(
      effectsOf(commits(concluded('l1', 'l2'), concluded('l3'), requeued('l4'), { type: 'TaskDeleted', at })),
    ).toEqual([
      { kind: 'results', published: ['task-1/l1/', 'task-1/l2/', 'task-1/l3/'], dropped: ['task-1/l4/', 'task-1/'] },
    ]);
  });

  it('publish nothing that an earlier event has dropped', () => {
    expect(
      effectsOf(commits({ type: 'TaskDeleted', at }, concluded('l1'))).map(
        (effect) => effect.kind === 'results' && [effect.published.length, effect.dropped.length],
      ),
    ).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  it('keep the order of buckets and results', () => {
    expect(effectsOf(commits(created('b'), concluded('l1'), deleted('b'))).map(({ kind }) => kind)).toEqual([
      'buckets',
      'results',
      'buckets',
    ]);
  });

  it('empty a bucket that is deleted and made again at once', () => {
    const [effect, ...rest] = effectsOf(
      commits(created('b'), deleted('b'), created('b', 'eve'), created('c'), deleted('c')),
    );
    expect(rest).toEqual([]);
    expect(effect).toEqual({ kind: 'buckets', created: new Map([['b', { owner: 'eve', at }]]), deleted: ['b', 'c'] });
  });

  it('are none for what says nothing about objects', () => {
    expect(effectsOf(commits({ type: 'TaskCancelRequested', at }))).toEqual([]);
  });
});
