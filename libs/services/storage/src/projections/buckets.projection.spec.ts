import type { FornaxEvent, RecordedCommit } from '@fornax/contracts';
import { describe, expect, it } from '@jest/globals';
import { bucketRowsOf } from './buckets.projection.js';

const created = (bucket: string, owner: string, at: number): FornaxEvent => ({
  type: 'BucketCreated',
  bucket,
  owner,
  at,
});
const deleted = (bucket: string): FornaxEvent => ({ type: 'BucketDeleted', bucket, at: 1 });
const commits = (...events: readonly FornaxEvent[]): readonly RecordedCommit[] =>
  events.map((event, index) => ({
    id: String(index),
    events: [event],
    at: 1,
    meta: { actor: 'service:test', source: 's', correlationId: 'c' },
    sequence: index + 1,
    aggregate: 'bucket',
    aggregateId: 'b',
  }));

describe('rows of buckets', () => {
  it('are those of the last life of a name', () =>
    expect(bucketRowsOf(commits(created('b', 'ada', 1), deleted('b'), created('b', 'eve', 2)))).toEqual({
      created: new Map([['b', { owner: 'eve', at: 2 }]]),
      deleted: ['b'],
    }));

  it('are none for a bucket that was made and deleted', () =>
    expect(bucketRowsOf(commits(created('b', 'ada', 1), deleted('b')))).toEqual({
      created: new Map(),
      deleted: ['b'],
    }));

  it('say nothing of what happens to tasks', () =>
    expect(bucketRowsOf(commits({ type: 'TaskDeleted', at: 1 }))).toEqual({ created: new Map(), deleted: [] }));
});
