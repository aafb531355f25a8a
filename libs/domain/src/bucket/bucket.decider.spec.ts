import { describe, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { bucketDecider } from './bucket.decider.js';

const at = 1_000;
const { given } = specFor(bucketDecider);
const created = { type: 'BucketCreated', bucket: 'b', owner: 'ada', at } as const;
const deleted = { type: 'BucketDeleted', bucket: 'b', at } as const;
const create = (owner: string) => ({ type: 'CreateBucket', bucket: 'b', owner, at }) as const;
const remove = (owner: string) => ({ type: 'DeleteBucket', owner, at }) as const;

describe('a bucket', () => {
  it('belongs to whoever created it', () => {
    given().when(create('ada')).then(created);
    given(created).when(create('ada')).thenNothing();
    given(created).when(create('bob')).thenRejected('bucket-taken');
  });
  it('is deleted by its owner only', () => {
    given(created).when(remove('ada')).then(deleted);
    given(created).when(remove('bob')).thenRejected('bucket-not-found');
    given().when(remove('ada')).thenRejected('bucket-not-found');
  });
  it('frees its name', () => {
    given(created, deleted)
      .when(create('bob'))
      .then({ ...created, owner: 'bob' });
    given(created, deleted).when(remove('ada')).thenRejected('bucket-not-found');
  });
});
