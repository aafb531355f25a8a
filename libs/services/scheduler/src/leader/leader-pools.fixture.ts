import { poolDecider, type PoolEvent, type PoolSpec } from '@fornax/domain';

/** A pool of one node with a slot of one core, unless `spec` says otherwise. */
export const poolCreated = (spec: Partial<PoolSpec> = {}, { poolId = 'p', owner = 'ada' } = {}): PoolEvent => ({
  type: 'PoolCreated',
  poolId,
  owner,
  spec: {
    ...poolDecider.initial.spec,
    profile: 'docker-batch',
    request: { cores: 1, memoryMB: 1 },
    size: { type: 'fixed', nodes: 1 },
    ...spec,
  },
  at: 1,
});
