import { z } from 'zod';
import { count, instant } from './scalars.js';
import { attemptEnd, dispatchedLease, instanceError, leaseRef, workSpec, workUpdated } from './work.schemas.js';

const elasticSize = {
  minimum: count,
  maximum: count,
  minimumIdle: count,
  idleMs: z.number(),
  growth: z.number(),
  periodMs: z.number(),
};

const scalingPolicy = z.intersection(
  z.object({
    name: z.string(),
    periods: z.array(
      z.union([
        z.object({ type: z.literal('Always') }),
        z.object({ type: z.literal('Weekly'), days: z.array(count), startMs: z.number(), endMs: z.number() }),
      ]),
    ),
  }),
  z.union([
    z.object({ type: z.literal('Fixed'), slots: count }),
    z.object({ type: z.literal('ManagedTasksQueue'), ...elasticSize }),
  ]),
);

const poolSize = z.union([
  z.object({ type: z.literal('fixed'), nodes: count }),
  z.object({ type: z.literal('elastic'), ...elasticSize }),
  z.object({ type: z.literal('policies'), policies: z.array(scalingPolicy) }),
]);

const poolSpec = z.object({
  ...workSpec,
  size: poolSize,
  slotsPerNode: count,
  preparation: z.string().nullable(),
  tasksWaitForResources: z.boolean(),
  instanceCount: count,
  scaling: z.string().nullable(),
  elasticProperty: z.string().nullable(),
});

export const poolEvents = {
  PoolCreated: {
    version: 1,
    aggregate: 'pool',
    schema: z.object({ poolId: z.string(), owner: z.string(), spec: poolSpec, at: instant }),
  },
  PoolUpdated: { version: 1, aggregate: 'pool', schema: workUpdated },
  PoolScalingChanged: {
    version: 1,
    aggregate: 'pool',
    schema: z.object({
      size: poolSize,
      scaling: z.string().nullable(),
      elasticProperty: z.string().nullable(),
      at: instant,
    }),
  },
  PoolResourcesUpdateRequested: { version: 1, aggregate: 'pool', schema: z.object({ at: instant }) },
  PoolCloseRequested: { version: 1, aggregate: 'pool', schema: z.object({ at: instant }) },
  PoolDeleteRequested: { version: 1, aggregate: 'pool', schema: z.object({ at: instant }) },
  PoolResized: {
    version: 1,
    aggregate: 'pool',
    schema: z.object({ opened: z.string(), closed: z.string(), policyName: z.string().nullable(), at: instant }),
  },
  SlotsDispatched: {
    version: 1,
    aggregate: 'pool',
    schema: z.object({ leases: z.array(dispatchedLease), at: instant }),
  },
  SlotsReady: {
    version: 1,
    aggregate: 'pool',
    schema: z.object({ leases: z.array(z.object({ ...leaseRef, startedAt: instant })), at: instant }),
  },
  SlotsRefreshed: {
    version: 1,
    aggregate: 'pool',
    schema: z.object({ leases: z.array(z.object({ ...leaseRef, update: count })), at: instant }),
  },
  SlotsRefreshFailed: {
    version: 1,
    aggregate: 'pool',
    schema: z.object({
      leases: z.array(z.object({ ...leaseRef, update: count, error: instanceError, isFinal: z.boolean() })),
      at: instant,
    }),
  },
  SlotsEnded: { version: 1, aggregate: 'pool', schema: z.object({ attempts: z.array(attemptEnd), at: instant }) },
  PoolClosed: { version: 1, aggregate: 'pool', schema: z.object({ at: instant }) },
  PoolFailed: { version: 1, aggregate: 'pool', schema: z.object({ error: instanceError, at: instant }) },
  PoolDeleted: { version: 1, aggregate: 'pool', schema: z.object({ at: instant }) },
} as const;
