import { describe, expect, it } from '@jest/globals';
import { writesForUnwanted } from '@fornax/testing';
import { SnapshotsProjection } from './snapshots.projection.js';

describe('the rows of snapshots', () => {
  it('writes nothing for commits that it does not want, of every event that there is', async () => {
    const { unwanted, statements } = await writesForUnwanted(new SnapshotsProjection());
    expect(unwanted).toEqual(expect.arrayContaining(['InstancesExited', 'TaskUpdated']));
    expect(statements).toEqual([]);
  });
});
