import { describe, expect, it } from '@jest/globals';
import { writesForUnwanted } from '@fornax/testing';
import { EffectBell } from '../effects/effect-bell.js';
import { BucketsProjection } from './buckets.projection.js';

describe('the rows of buckets', () => {
  it('are not written for commits that are not wanted, of every event that there is', async () => {
    const { unwanted, statements } = await writesForUnwanted(new BucketsProjection(new EffectBell()));
    expect(unwanted).toEqual(expect.arrayContaining(['TaskSubmitted', 'InstancesDispatched', 'InstancesStarted']));
    expect(statements).toEqual([]);
  });
});
