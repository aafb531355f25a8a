import { describe, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { masterKeyDecider } from './master-key.decider.js';

const { given } = specFor(masterKeyDecider);
const facts = { keyId: 'old', by: 'new', sealed: 's', at: 1 };
const kept = { type: 'MasterKeySucceeded', ...facts } as const;
const keep = { type: 'KeepMasterKey', ...facts } as const;

describe('the ring of master keys', () => {
  it('keeps an earlier key once for each that comes after it', () => {
    given().when(keep).then(kept);
    given(kept).when(keep).thenNothing();
    given(kept)
      .when({ ...keep, by: 'newer' })
      .then({ ...kept, by: 'newer' });
  });
});
