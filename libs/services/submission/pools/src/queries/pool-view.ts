import { elasticPropertySchema, wireDate, wireDuration, type WirePool } from '@fornax/contracts';
import { boundsOf, isPoolEnding, openSlotsOf, phaseCounts, sizeOf } from '@fornax/domain';
import { askedView, statusView, withoutEmptyParts, type LiveLeases, type PoolLoad } from '@fornax/tasks';
import type { PoolEcho } from '../model/pool-spec.js';
import { slotsAsTask } from '../model/slots-as-task.js';
import type { PoolStatus } from '../model/pool-status.js';
import { errorsOf } from './pool-errors.js';

/** How long a resource stays in a node's cache when nobody says (contract, section 3.1). */
const DEFAULT_CACHE_TTL_S = 7_776_000;
const NO_LOAD: PoolLoad = { waiting: 0, running: 0 };

/** Time that slots have been ready, those that are now too. */
const executionMsOf = ({ fold, usage }: PoolStatus, now: number): number => {
  let sum = usage.executionMs;
  for (const { phase, startedAt } of fold.slots.inFlight.values())
    if (phase === 'executing') sum += Math.max(0, now - (startedAt ?? now));
  return sum;
};

const record = (text: string | null): Record<string, unknown> => (text === null ? {} : JSON.parse(text));

/** How many slots it may have now, and how many nodes it is to have. */
const capacityOf = ({ fold }: PoolStatus, now: number) => {
  const { spec, slots } = fold;
  const { bounds, policyName } = boundsOf(spec, now);
  const least = Math.min(bounds.maximum, Math.max(bounds.minimum, bounds.minimumIdle));
  const wanted = Math.ceil(least / spec.slotsPerNode);
  const target = Math.max(wanted, sizeOf(slots.waiting) + sizeOf(openSlotsOf(fold)));
  return { policyName, capacity: bounds.maximum, target: isPoolEnding(fold) ? 0 : target };
};

/** The whole pool as its owner sees it (contract, section 3.5); secrets are masked, nothing is null that a client cannot take. */
export const poolView = (pool: PoolStatus, load: PoolLoad = NO_LOAD, now: number, live: LiveLeases): WirePool => {
  const { spec, slots } = pool.fold;
  const echo = spec.echo as PoolEcho;
  const { policyName, capacity, target } = capacityOf(pool, now);
  const { executing } = phaseCounts(slots);
  const instances = load.waiting + load.running;
  const elastic = elasticPropertySchema.parse(record(spec.elasticProperty));
  const { size: _size, ...elasticProperty } = elastic;
  return {
    uuid: pool.poolId,
    name: spec.name,
    shortname: spec.shortname,
    profile: spec.profile,
    state: pool.state,
    previousState: pool.previousState,
    instanceCount: spec.instanceCount,
    targetRunningInstanceCount: target,
    stateTransitionTime: wireDate(pool.stateMs),
    previousStateTransitionTime: wireDate(pool.previousStateMs),
    creationDate: wireDate(pool.createdMs),
    lastModified: wireDate(pool.modifiedMs),
    endDate: wireDate(pool.endMs),
    runningInstanceCount: executing,
    runningCoreCount: Math.round(executing * slots.spec.request.cores),
    queuedOrRunningTaskInstancesCount: instances,
    executionTime: wireDuration(executionMsOf(pool, now)),
    wallTime: wireDuration(Math.max(0, (pool.endMs ?? now) - pool.createdMs)),
    taskDefaultWaitForPoolResourcesSynchronization: spec.tasksWaitForResources,
    errors: errorsOf(pool.fold),
    elasticProperty,
    scaling:
      spec.scaling === null
        ? null
        : ({ ...record(spec.scaling), activePolicyName: policyName } as NonNullable<WirePool['scaling']>),
    preparationTask: spec.preparation === null ? null : { commandLine: spec.preparation },
    ...askedView(spec, echo),
    resourceBuckets: echo.advancedResourceBuckets ? [] : (echo.resourceBuckets ?? []),
    advancedResourceBuckets: (echo.advancedResourceBuckets ?? []).map(withoutEmptyParts),
    status: statusView(slotsAsTask(pool), [], now, live, 0),
    totalSlotCapacity: capacity,
    poolUsage: capacity === 0 ? 0 : instances / capacity,
    hardwareConstraints: spec.hardwareConstraints.map((constraint) => ({ ...constraint })),
    schedulingType: spec.plan,
    targetedReservedMachineKey: echo.targetedReservedMachineKey ?? null,
    targetedReservationName: echo.targetedReservationName ?? null,
    autoDeleteOnCompletion: echo.autoDeleteOnCompletion ?? false,
    completionTimeToLive: echo.completionTimeToLive ?? '00:00:00',
    privileges: {
      exportApiAndStorageCredentialsInEnvironment:
        echo.privileges?.exportApiAndStorageCredentialsInEnvironment ?? false,
    },
    defaultRetrySettings: {
      maxTotalRetries: echo.defaultRetrySettings?.maxTotalRetries ?? null,
      maxPerInstanceRetries: echo.defaultRetrySettings?.maxPerInstanceRetries ?? null,
    },
    ...(echo.multiSlotsSettings ? { multiSlotsSettings: { slotsPerNode: spec.slotsPerNode } } : {}),
    forcedNetworkRules: echo.forcedNetworkRules ?? [],
    maxTimeQueueSeconds: echo.maxTimeQueueSeconds ?? null,
    projectUuid: spec.projectUuid ?? null,
    defaultResourcesCacheTTLSec: echo.defaultResourcesCacheTTLSec ?? DEFAULT_CACHE_TTL_S,
  };
};
