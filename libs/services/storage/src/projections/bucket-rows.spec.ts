import type { FornaxEvent, RecordedCommit } from '@fornax/contracts';
import type { Grantee } from '@fornax/domain';
import { describe, expect, it } from '@jest/globals';
import { bucketRowsOf } from './bucket-rows.js';

const created = (bucket: string, owner: string, at: number): FornaxEvent => ({
  type: 'BucketCreated',
  bucket,
  owner,
  at,
});
const deleted = (bucket: string): FornaxEvent => ({ type: 'BucketDeleted', bucket, at: 1 });
const bob: Grantee = { kind: 'user', id: 'bob' };
const granted = (bucket: string, grantee: Grantee = bob): FornaxEvent => ({
  type: 'BucketGranted',
  bucket,
  grantee,
  access: 'read',
  at: 1,
});
const revoked = (bucket: string, grantee: Grantee = bob): FornaxEvent => ({
  type: 'BucketGrantRevoked',
  bucket,
  grantee,
  at: 1,
});
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
const none = { created: new Map(), deleted: [], granted: [], revoked: [] };

describe('rows of buckets', () => {
  it('are those of the last life of a name', () =>
    expect(bucketRowsOf(commits(created('b', 'ada', 1), deleted('b'), created('b', 'eve', 2)))).toEqual({
      ...none,
      created: new Map([['b', { owner: 'eve', projectId: null, at: 2 }]]),
      deleted: ['b'],
    }));

  it('are none for a bucket that was made and deleted', () =>
    expect(bucketRowsOf(commits(created('b', 'ada', 1), deleted('b')))).toEqual({ ...none, deleted: ['b'] }));

  it('say nothing of what happens to tasks', () =>
    expect(bucketRowsOf(commits({ type: 'TaskDeleted', at: 1 }))).toEqual(none));
});

describe('rows of grants', () => {
  const row = { bucket: 'b', grantee: bob, access: 'read', at: 1 };
  const gone = { bucket: 'b', grantee: bob };

  it('are what was decided last', () => {
    expect(bucketRowsOf(commits(granted('b'), revoked('b')))).toEqual({ ...none, revoked: [gone] });
    // What is revoked goes first.
    expect(bucketRowsOf(commits(revoked('b'), granted('b')))).toEqual({ ...none, revoked: [gone], granted: [row] });
  });

  it('end with their bucket, and not with another', () => {
    const rows = bucketRowsOf(commits(granted('b'), granted('bb'), deleted('b'), created('b', 'ada', 2)));
    expect(rows.granted).toEqual([{ ...row, bucket: 'bb' }]);
    expect(bucketRowsOf(commits(deleted('b'), created('b', 'ada', 2), granted('b'))).granted).toEqual([row]);
  });
});
