import { describe, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { secretDecider } from './secret.decider.js';

const at = 1_000;
const { given } = specFor(secretDecider);
const facts = { owner: 'ada', key: 'lab/license', keyId: 'k1', sealed: 's1', at };
const created = { type: 'SecretCreated', version: 1, ...facts } as const;
const changed = { type: 'SecretChanged', version: 2, sealed: 's2', at } as const;
const deleted = { type: 'SecretDeleted', keyId: 'k1', at } as const;
const create = { type: 'CreateSecret', ...facts } as const;
const change = { type: 'ChangeSecret', keyId: 'k1', sealed: 's2', at } as const;
const read = { type: 'RecordRead', version: 1, at } as const;
const remove = { type: 'DeleteSecret', at } as const;

describe('a secret', () => {
  it('is created once', () => {
    given().when(create).then(created);
    given(created).when(create).thenRejected('secret-exists');
  });

  it('gets a new version with each value, also with an earlier one', () => {
    given(created).when(change).then(changed);
    given(created, changed)
      .when({ ...change, restoredFrom: 1 })
      .then({ ...changed, version: 3, restoredFrom: 1 });
  });

  it('may be created again once it is deleted, and its versions go on counting', () =>
    given(created, changed, deleted)
      .when({ ...create, keyId: 'k2' })
      .then({ ...created, keyId: 'k2', version: 3 }));

  it('takes no value that was sealed for the one before it', () => {
    const again = { ...created, keyId: 'k2', version: 2 } as const;
    given(created, deleted, again).when(change).thenRejected('secret-not-found');
  });

  it('is deleted with its data key', () => given(created).when(remove).then(deleted));

  it('says who was shown it, while it is there', () => {
    given(created).when(read).then({ type: 'SecretRead', version: 1, at });
    for (const command of [read, change, remove]) {
      given().when(command).thenRejected('secret-not-found');
      given(created, deleted).when(command).thenRejected('secret-not-found');
    }
  });
});
