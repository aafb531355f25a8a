import { describe, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { masterKeyDecider } from './master-key.decider.js';

const { given } = specFor(masterKeyDecider);
const facts = { keyId: 'old', by: 'new', sealed: 's', at: 1 };
const kept = { type: 'MasterKeySucceeded', ...facts } as const;
const keep = (by: string, ...keyIds: readonly string[]) =>
  ({
    type: 'KeepMasterKeys',
    by,
    earlier: keyIds.map((keyId) => ({ keyId, sealed: 's' })),
    unproven: [] as string[],
    at: 1,
  }) as const;

describe('the ring of master keys', () => {
  it('keeps an earlier key once for each that comes after it', () => {
    given().when(keep('new', 'old')).then(kept);
    given(kept).when(keep('new', 'old')).thenNothing();
    given(kept)
      .when(keep('newer', 'old', 'new'))
      .then({ ...kept, by: 'newer' }, { ...kept, keyId: 'new', by: 'newer' });
  });

  it('keeps nothing while the next key may be among those at hand', () =>
    given()
      .when({ ...keep('old', 'older'), unproven: ['new'] })
      .thenRejected('master-key-not-newest'));

  it('lets no key that was succeeded take over, nor begin a rotation of what others sealed', () => {
    given(kept).when(keep('old', 'new')).thenRejected('master-key-not-newest');
    given(kept).when(keep('old')).thenRejected('master-key-not-newest');
  });
});
