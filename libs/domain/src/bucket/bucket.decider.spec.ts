import { describe, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { bucketDecider } from './bucket.decider.js';
import type { GrantAccess, Grantee } from './bucket-grants.js';

const at = 1_000;
const { given } = specFor(bucketDecider);
const created = { type: 'BucketCreated', bucket: 'b', owner: 'ada', at } as const;
const deleted = { type: 'BucketDeleted', bucket: 'b', at } as const;
const create = (owner: string) => ({ type: 'CreateBucket', bucket: 'b', owner, at }) as const;
const remove = (owner: string) => ({ type: 'DeleteBucket', owner, at }) as const;
const bob: Grantee = { kind: 'user', id: 'bob' };
const acme: Grantee = { kind: 'organization', id: 'acme' };
const granted = (grantee: Grantee, access: GrantAccess) =>
  ({ type: 'BucketGranted', bucket: 'b', grantee, access, at }) as const;
const revoked = (grantee: Grantee) => ({ type: 'BucketGrantRevoked', bucket: 'b', grantee, at }) as const;
const grant = (grantee: Grantee, access: GrantAccess, owner = 'ada') =>
  ({ type: 'GrantBucket', owner, grantee, access, at }) as const;
const revoke = (grantee: Grantee, owner = 'ada') => ({ type: 'RevokeBucketGrant', owner, grantee, at }) as const;

describe('a bucket', () => {
  it('belongs to whoever created it', () => {
    given().when(create('ada')).then(created);
    given(created).when(create('ada')).thenNothing();
    given(created).when(create('bob')).thenRejected('bucket-taken');
  });
  it('remembers the project that it was created in', () =>
    given()
      .when({ ...create('ada'), projectId: 'wind' })
      .then({ ...created, projectId: 'wind' }));
  it('is deleted by its owner only', () => {
    given(created).when(remove('ada')).then(deleted);
    given(created).when(remove('bob')).thenRejected('bucket-not-found');
    given(created, granted(bob, 'write')).when(remove('bob')).thenRejected('bucket-not-found');
    given().when(remove('ada')).thenRejected('bucket-not-found');
  });
  it('frees its name', () => {
    given(created, deleted)
      .when(create('bob'))
      .then({ ...created, owner: 'bob' });
    given(created, deleted).when(remove('ada')).thenRejected('bucket-not-found');
  });
});

describe('a grant', () => {
  it('is given and taken away, once', () => {
    given(created).when(grant(bob, 'read')).then(granted(bob, 'read'));
    given(created, granted(bob, 'read')).when(grant(bob, 'read')).thenNothing();
    given(created, granted(bob, 'read')).when(revoke(bob)).then(revoked(bob));
    given(created, granted(bob, 'read'), revoked(bob)).when(revoke(bob)).thenRejected('grant-not-found');
    given(created).when(revoke(bob)).thenRejected('grant-not-found');
  });
  it('takes the place of the one before, and of no other', () => {
    given(created, granted(bob, 'read'), granted(acme, 'read')).when(grant(bob, 'write')).then(granted(bob, 'write'));
    given(created, granted(bob, 'read'), granted(bob, 'write')).when(grant(bob, 'write')).thenNothing();
    given(created, granted(bob, 'read'), granted(acme, 'read'), revoked(bob)).when(grant(acme, 'read')).thenNothing();
  });
  it('is not for who owns the bucket, nor of a bucket that is meant and is another one', () => {
    given(created)
      .when(grant({ kind: 'user', id: 'ada' }, 'read'))
      .thenRejected('grant-to-owner');
    given(created)
      .when(grant(acme, 'read', 'eve'))
      .thenRejected('bucket-not-found');
    given(created, granted(bob, 'read')).when(revoke(bob, 'eve')).thenRejected('bucket-not-found');
    given().when(grant(bob, 'read')).thenRejected('bucket-not-found');
  });
  it('ends with its bucket', () => {
    given(created, granted(bob, 'read'), deleted).when(revoke(bob)).thenRejected('bucket-not-found');
    given(created, granted(bob, 'read'), deleted, created).when(revoke(bob)).thenRejected('grant-not-found');
    given(created, granted(bob, 'read'), deleted, created).when(grant(bob, 'read')).then(granted(bob, 'read'));
  });
  it('is one of a hundred at most', () => {
    const many = Array.from({ length: 100 }, (_, at) => granted({ kind: 'user', id: String(at) }, 'read'));
    given(created, ...many)
      .when(grant(bob, 'read'))
      .thenRejected('too-many-grants');
    given(created, ...many)
      .when(grant({ kind: 'user', id: '7' }, 'write'))
      .then(granted({ kind: 'user', id: '7' }, 'write'));
  });
});
