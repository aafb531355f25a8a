import { poolDecider, type PoolEvent, type PoolSpec } from '@fornax/domain';

/** Pool `p` of one node with a slot of one core, unless `spec` says otherwise. */
export const poolCreated = (spec: Partial<PoolSpec> = {}): PoolEvent => ({
  type: 'PoolCreated',
  poolId: 'p',
  owner: 'ada',
  spec: {
    ...poolDecider.initial.spec,
    profile: 'docker-batch',
    request: { cores: 1, memoryMB: 1 },
    size: { type: 'fixed', nodes: 1 },
    ...spec,
  },
  at: 1,
});
