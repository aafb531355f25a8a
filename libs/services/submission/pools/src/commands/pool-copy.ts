import { elasticPropertySchema, type poolCloneSchema, type PoolCreation } from '@fornax/contracts';
import type { PoolSpec } from '@fornax/domain';
import { masked } from '@fornax/tasks';
import type { z } from 'zod';
import type { PoolEcho } from '../model/pool-spec.js';

/** What a copy of a pool is to have otherwise. */
export type PoolCopy = z.output<typeof poolCloneSchema>;

/** The creation of a pool like another one, but for its name of its own and for what was asked. */
export const copyOf = (spec: PoolSpec, changes: PoolCopy): PoolCreation => {
  const { resourceBuckets, advancedResourceBuckets, ...others } = changes;
  const echo = spec.echo as PoolEcho;
  const namesBuckets = resourceBuckets !== undefined || advancedResourceBuckets !== undefined;
  const ownBuckets = { resourceBuckets, advancedResourceBuckets };
  const { resourceBuckets: plain, advancedResourceBuckets: advanced, ...kept } = echo;
  return {
    ...kept,
    profile: spec.profile,
    instanceCount: spec.instanceCount,
    ...(spec.elasticProperty === null
      ? {}
      : { elasticProperty: elasticPropertySchema.parse(JSON.parse(spec.elasticProperty)) }),
    ...(spec.scaling === null ? {} : { scaling: JSON.parse(spec.scaling) as unknown }),
    constants: masked(spec.constants),
    hardwareConstraints: spec.hardwareConstraints.map((constraint) => ({ ...constraint })),
    tags: [...spec.tags],
    labels: { ...spec.labels },
    ...(spec.preparation === null ? {} : { preparationTask: { commandLine: spec.preparation } }),
    taskDefaultWaitForPoolResourcesSynchronization: spec.tasksWaitForResources,
    schedulingType: spec.plan,
    ...(spec.projectUuid === undefined ? {} : { projectUuid: spec.projectUuid }),
    ...(namesBuckets ? ownBuckets : { resourceBuckets: plain, advancedResourceBuckets: advanced }),
    ...others,
    name: changes.name ?? spec.name,
  };
};
