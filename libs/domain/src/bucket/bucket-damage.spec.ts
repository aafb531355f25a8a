import { describe, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import type { DamagedObject } from './bucket-damage.js';
import { bucketDecider } from './bucket.decider.js';

const at = 1_000;
const { given } = specFor(bucketDecider);
const created = { type: 'BucketCreated', bucket: 'b', owner: 'ada', at } as const;
const deleted = { type: 'BucketDeleted', bucket: 'b', at } as const;
const damaged = (key: string, etag = 'e1'): DamagedObject => ({ key, etag, reason: 'a file of it is missing' });
const found = (...objects: readonly DamagedObject[]) =>
  ({ type: 'BucketDamageFound', bucket: 'b', objects, at }) as const;
const over = (...keys: readonly string[]) => ({ type: 'BucketDamageEnded', bucket: 'b', keys, at }) as const;
const record = (objects: readonly DamagedObject[], ended: readonly string[] = [], owner = 'ada') =>
  ({ type: 'RecordBucketDamage', owner, found: objects, ended, at }) as const;

describe('damage of stored objects', () => {
  it('is one event until it has ended, whatever a scrub calls it', () => {
    given(created)
      .when(record([damaged('x'), damaged('y')]))
      .then(found(damaged('x'), damaged('y')));
    given(created, found(damaged('x')))
      .when(record([{ ...damaged('x'), reason: 'other words' }]))
      .thenNothing();
    given(created, found(damaged('x')))
      .when(record([damaged('x'), damaged('z')]))
      .then(found(damaged('z')));
    given(created, found(damaged('x')), over('x'))
      .when(record([damaged('x')]))
      .then(found(damaged('x')));
  });

  it('of an object that was stored anew is another one', () =>
    given(created, found(damaged('x')))
      .when(record([damaged('x', 'e2')]))
      .then(found(damaged('x', 'e2'))));

  it('ends once, where it was known and is not found', () => {
    given(created, found(damaged('x'), damaged('y')))
      .when(record([damaged('y')], ['x', 'y', 'z']))
      .then(over('x'));
    given(created, found(damaged('x')), over('x'))
      .when(record([], ['x']))
      .thenNothing();
  });

  it('ends with its bucket', () => {
    given(created, found(damaged('x')), deleted, created)
      .when(record([damaged('x')]))
      .then(found(damaged('x')));
    given(created, deleted)
      .when(record([damaged('x')]))
      .thenRejected('bucket-not-found');
    given(created)
      .when(record([damaged('x')], [], 'eve'))
      .thenRejected('bucket-not-found');
  });

  it('is known of a thousand objects at most', () => {
    const many = Array.from({ length: 1_000 }, (_, n) => damaged(`k${n}`));
    given(created, found(...many))
      .when(record([damaged('one more')]))
      .thenNothing();
    given(created, found(...many))
      .when(record([damaged('one more')], ['k1']))
      .then(over('k1'), found(damaged('one more')));
  });
});
