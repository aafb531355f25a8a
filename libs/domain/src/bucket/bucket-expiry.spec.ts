import { describe, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { bucketDecider } from './bucket.decider.js';

const DAY = 86_400;
const at = 100 * DAY * 1000;
const owner = 'ada';
const { given } = specFor(bucketDecider);
const created = { type: 'BucketCreated', bucket: 'b', owner, at: 0 } as const;
const deleted = { type: 'BucketDeleted', bucket: 'b', at } as const;
const rule = (prefix: string, days: number) =>
  ({ type: 'BucketExpirySet', bucket: 'b', prefix, afterSeconds: days * DAY, at }) as const;
const removed = (prefix: string) => ({ type: 'BucketExpiryRemoved', bucket: 'b', prefix, at }) as const;
const set = (prefix: string, days: number) =>
  ({ type: 'SetBucketExpiry', owner, prefix, afterSeconds: days * DAY, at }) as const;
const remove = (prefix: string) => ({ type: 'RemoveBucketExpiry', owner, prefix, at }) as const;
const batch = { prefix: 'tmp/', after: null, through: 'tmp/z', objects: 2, bytes: 5, names: ['tmp/a', 'tmp/z'], at };
const expire = (before: number) => ({ type: 'ExpireBucketObjects', owner, ...batch, before }) as const;

describe('expiry rules of a bucket', () => {
  it('are set, changed and removed by its owner', () => {
    given(created).when(set('tmp/', 7)).then(rule('tmp/', 7));
    given(created, rule('tmp/', 7)).when(set('tmp/', 7)).thenNothing();
    given(created, rule('tmp/', 7)).when(set('tmp/', 3)).then(rule('tmp/', 3));
    given(created, rule('tmp/', 7)).when(remove('tmp/')).then(removed('tmp/'));
    given(created, rule('tmp/', 7), removed('tmp/')).when(remove('tmp/')).thenRejected('expiry-rule-not-found');
    given(created)
      .when({ ...set('tmp/', 7), owner: 'bob' })
      .thenRejected('bucket-not-found');
    const many = Array.from({ length: 100 }, (_, n) => rule(`${n}/`, 1));
    given(created, ...many)
      .when(set('more/', 1))
      .thenRejected('too-many-expiry-rules');
    given(created, ...many)
      .when(set('7/', 2))
      .then(rule('7/', 2));
  });

  it('say what is over, as long as they are in force and for no longer than they say', () => {
    const due = at - 7 * DAY * 1000;
    given(created, rule('tmp/', 7))
      .when(expire(due))
      .then({ type: 'BucketObjectsExpired', bucket: 'b', ...batch, before: due });
    given(created, rule('tmp/', 7))
      .when(expire(due + 1))
      .thenNothing();
    given(created, rule('tmp/', 7), removed('tmp/')).when(expire(due)).thenNothing();
    given(created, rule('tmp/', 7))
      .when({ ...expire(due), objects: 0 })
      .thenNothing();
  });

  it('go with the bucket, and say nothing about the next one of its name', () => {
    const again = { ...created, at: at - 1 } as const;
    given(created, rule('tmp/', 7), deleted, again).when(remove('tmp/')).thenRejected('expiry-rule-not-found');
    given(created, deleted, again, rule('tmp/', 7))
      .when(expire(at - 7 * DAY * 1000))
      .thenNothing();
    given(created, rule('tmp/', 7), deleted).when(expire(0)).thenRejected('bucket-not-found');
  });
});
