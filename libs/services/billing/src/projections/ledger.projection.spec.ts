import { describe, expect, it } from '@jest/globals';
import { writesForUnwanted } from '@fornax/testing';
import { LedgerProjection } from './ledger.projection.js';

describe('the ledger', () => {
  it('writes nothing for commits that it does not want, of every event that there is', async () => {
    const { unwanted, statements } = await writesForUnwanted(new LedgerProjection());
    expect(unwanted).toEqual(expect.arrayContaining(['InstancesDispatched', 'InstancesStarted', 'TaskDeleted']));
    expect(statements).toEqual([]);
  });
});
