import { assertNever } from '../shared/decider.js';
import {
  difference,
  emptyRanges,
  fromNumbers,
  has,
  parseRanges,
  sizeOf,
  union,
  type Ranges,
} from '../shared/ranges.js';
import type { InstantMs } from '../shared/time.js';
import type { AttemptEnd, InstanceError, TaskSpec } from '../task/task.events.js';
import { afterQueue, evolveTask, initialTaskState, type TaskState } from '../task/task.state.js';
import type { PoolEvent, PoolSpec } from './pool.events.js';

/**
 * The fold of a pool. Its slots are folded as the instances of a task are: `slots.waiting` are to be opened, `slots.inFlight` are leased, and a slot that
 * executes is ready. So whatever deals with leases (orders, reports, lost nodes) deals with slots.
 */
export interface PoolState {
  readonly exists: boolean;
  readonly deleted: boolean;
  readonly poolId: string;
  readonly owner: string;
  readonly spec: PoolSpec;
  readonly slots: TaskState;
  /** Slots that are leased and have been asked to end. */
  readonly closing: Ranges;
  /** Slots that are leased and do not have the newest resources yet. */
  readonly outdated: Ranges;
  /** Why outdated slots are still so, by their numbers: those that could not fetch what is new. */
  readonly refreshFailures: readonly RefreshFailure[];
  readonly closeRequested: boolean;
  /** When it was asked to close. */
  readonly closingSince: InstantMs | null;
  readonly closed: boolean;
  readonly deleteRequested: boolean;
  readonly failed: InstanceError | null;
  /** Whether its size has been decided once. */
  readonly isSized: boolean;
  /** The active policy, as last recorded. */
  readonly policyName: string | null;
  /** When it was last decided to open slots. */
  readonly grewAt: InstantMs | null;
  /** Tries to prepare slots that failed since the last one that did not, and when the last try failed. Slots that were begun together are one try. */
  readonly failures: number;
  readonly failedAt: InstantMs | null;
  /** Slots that were leased already when the last try failed. */
  readonly tried: Ranges;
  /** How the last of them ended: `debug` says whose fault it was (`cause: user`, `cause: platform`, `cause: limit`). */
  readonly lastError: InstanceError | null;
}

/** A slot that could not fetch the newest resources; `isFinal`: it does not try again by itself. */
export interface RefreshFailure {
  readonly instance: number;
  readonly error: InstanceError;
  readonly isFinal: boolean;
}

const noSpec: PoolSpec = {
  name: '',
  shortname: '',
  profile: '',
  profileVersion: 0,
  constants: [],
  resources: [],
  request: { cores: 0, memoryMB: 0 },
  hardwareConstraints: [],
  plan: 'flex',
  tags: [],
  labels: {},
  echo: {},
  size: { type: 'fixed', nodes: 0 },
  slotsPerNode: 1,
  preparation: null,
  tasksWaitForResources: false,
  instanceCount: 0,
  scaling: null,
  elasticProperty: null,
};

export const initialPoolState: PoolState = {
  exists: false,
  deleted: false,
  poolId: '',
  owner: '',
  spec: noSpec,
  slots: initialTaskState,
  closing: emptyRanges,
  outdated: emptyRanges,
  refreshFailures: [],
  closeRequested: false,
  closingSince: null,
  closed: false,
  deleteRequested: false,
  failed: null,
  isSized: false,
  policyName: null,
  grewAt: null,
  failures: 0,
  failedAt: null,
  tried: emptyRanges,
  lastError: null,
};

/** What a lease of the pool takes of its node: room for all instances that it takes at once. */
const slotSpecOf = (spec: PoolSpec): TaskSpec => {
  const { size: _size, slotsPerNode, preparation: _preparation, tasksWaitForResources: _waits, ...own } = spec;
  const { instanceCount: _count, scaling: _scaling, elasticProperty: _elastic, ...shared } = own;
  const { cores, memoryMB, diskMB } = spec.request;
  return {
    ...initialTaskState.spec,
    ...shared,
    request: {
      cores: cores * slotsPerNode,
      memoryMB: memoryMB * slotsPerNode,
      ...(diskMB === undefined ? {} : { diskMB: diskMB * slotsPerNode }),
    },
  };
};

/** No slot of this pool is opened any more. */
export const isPoolEnding = ({ closeRequested, deleteRequested, failed, deleted }: PoolState): boolean =>
  closeRequested || deleteRequested || failed !== null || deleted;

/** Nothing can happen to the pool any more but its deletion. */
export const isPoolOver = (state: PoolState): boolean =>
  state.deleted || ((state.closed || state.failed !== null) && state.slots.inFlight.size === 0);

/** Slots that are leased and not asked to end, by their numbers. */
export const openSlotsOf = ({ slots, closing, deleteRequested }: PoolState): Ranges =>
  deleteRequested ? emptyRanges : difference(fromNumbers(slots.inFlight.keys()), closing);

/** The slot was never ready, by its own fault or its node's: another one may fare alike. */
const isFailedPreparation = ({ startedAt, outcome, cause }: AttemptEnd): boolean =>
  startedAt === undefined && outcome === 'failure' && cause !== 'node-lost' && cause !== 'preempted';

const NOBODY_SAID: InstanceError = { code: 'FX-POOL', message: 'the node could not prepare it', debug: '' };

const preparationError = ({ error = NOBODY_SAID, cause = 'platform' }: Partial<AttemptEnd> = {}): InstanceError => ({
  ...error,
  debug: [`cause: ${cause}`, error.debug].filter((text) => text !== '').join('\n'),
});

/** Whether every slot has the newest resources. One that is asked to end is none any more. */
export const isSynchronized = ({ outdated, closing }: PoolState): boolean =>
  sizeOf(difference(outdated, closing)) === 0;

/** Why not every slot has the newest resources, of those that could not fetch them and are not asked to end. */
export const refreshFailuresOf = ({ refreshFailures, closing }: PoolState): readonly RefreshFailure[] =>
  refreshFailures.filter(({ instance }) => !has(closing, instance));

const withoutFailuresOf = (state: PoolState, instances: Ranges): Pick<PoolState, 'refreshFailures'> => ({
  refreshFailures: state.refreshFailures.filter(({ instance }) => !has(instances, instance)),
});

const rangesOfText = (text: string): Ranges => {
  const parsed = parseRanges(text);
  return 'ranges' in parsed ? parsed.ranges : emptyRanges;
};

const withSpec = (state: PoolState, spec: PoolSpec): PoolState => ({
  ...state,
  spec,
  slots: { ...state.slots, spec: slotSpecOf(spec) },
});

/** What was to be opened is not. */
const withoutWaiting = (slots: TaskState, at: InstantMs): TaskState =>
  afterQueue({ ...slots, waiting: emptyRanges, all: fromNumbers(slots.inFlight.keys()) }, at);

const resized = (state: PoolState, opened: Ranges, closed: Ranges, at: InstantMs): PoolState => {
  const { slots, closing } = state;
  const waiting = union(difference(slots.waiting, closed), opened);
  const leased = fromNumbers(slots.inFlight.keys());
  const isLeased = difference(closed, difference(closed, leased));
  return {
    ...state,
    isSized: true,
    closing: union(closing, isLeased),
    slots: afterQueue({ ...slots, waiting, all: union(leased, waiting) }, at),
    grewAt: opened.size > 0 ? at : state.grewAt,
  };
};

const withoutSlots = (state: PoolState, attempts: readonly AttemptEnd[], at: InstantMs): PoolState => {
  const inFlight = new Map(state.slots.inFlight);
  for (const { instance } of attempts) inFlight.delete(instance);
  const again = isPoolEnding(state)
    ? emptyRanges
    : difference(
        fromNumbers(attempts.filter((end) => !isFailedPreparation(end)).map(({ instance }) => instance)),
        state.closing,
      );
  const waiting = union(state.slots.waiting, again);
  const failures = attempts.filter(isFailedPreparation);
  const isNewTry = failures.some(({ instance }) => !has(state.tried, instance));
  const ended = fromNumbers(attempts.map(({ instance }) => instance));
  const slots = { ...state.slots, inFlight, waiting, all: union(fromNumbers(inFlight.keys()), waiting) };
  return {
    ...state,
    slots: afterQueue(slots, at),
    closing: difference(state.closing, ended),
    outdated: difference(state.outdated, ended),
    ...withoutFailuresOf(state, ended),
    failures: state.failures + (isNewTry ? 1 : 0),
    failedAt: isNewTry ? at : state.failedAt,
    tried: isNewTry ? fromNumbers(inFlight.keys()) : difference(state.tried, ended),
    lastError: failures.length === 0 ? state.lastError : preparationError(failures.at(-1)),
  };
};

/** Total and without checks: what happened, happened. */
export const evolvePool = (state: PoolState, event: PoolEvent): PoolState => {
  const { slots } = state;
  switch (event.type) {
    case 'PoolCreated': {
      const { poolId, owner, spec } = event;
      const empty = { ...initialTaskState, exists: true, taskId: poolId, owner };
      return withSpec({ ...initialPoolState, exists: true, poolId, owner, slots: empty }, spec);
    }
    case 'PoolUpdated': {
      const { tags = state.spec.tags, constants = state.spec.constants, wrappedKey } = event;
      return withSpec(state, { ...state.spec, tags, constants, ...(wrappedKey === undefined ? {} : { wrappedKey }) });
    }
    case 'PoolScalingChanged': {
      const { size, scaling, elasticProperty } = event;
      return withSpec(state, { ...state.spec, size, scaling, elasticProperty });
    }
    case 'PoolResourcesUpdateRequested':
      return {
        ...state,
        slots: evolveTask(slots, { type: 'TaskResourcesUpdateRequested', at: event.at }),
        // Without resources there is nothing to fetch.
        outdated: state.spec.resources.length === 0 ? state.outdated : fromNumbers(slots.inFlight.keys()),
        refreshFailures: [],
      };
    case 'PoolCloseRequested':
      return { ...state, closeRequested: true, closingSince: event.at, slots: withoutWaiting(slots, event.at) };
    case 'PoolDeleteRequested':
      return {
        ...state,
        deleteRequested: true,
        slots: { ...withoutWaiting(slots, event.at), cancelRequested: true },
      };
    case 'PoolResized':
      return {
        ...resized(state, rangesOfText(event.opened), rangesOfText(event.closed), event.at),
        policyName: event.policyName,
      };
    case 'SlotsDispatched':
      return { ...state, slots: evolveTask(slots, { ...event, type: 'InstancesDispatched' }) };
    case 'SlotsReady':
      return {
        ...state,
        slots: evolveTask(slots, { ...event, type: 'InstancesStarted' }),
        failures: 0,
        failedAt: null,
        tried: emptyRanges,
      };
    case 'SlotsRefreshed': {
      const newest = event.leases.filter(({ update }) => update >= slots.resourceUpdates);
      const refreshed = fromNumbers(newest.map(({ instance }) => instance));
      return { ...state, outdated: difference(state.outdated, refreshed), ...withoutFailuresOf(state, refreshed) };
    }
    case 'SlotsRefreshFailed': {
      const known = withoutFailuresOf(state, fromNumbers(event.leases.map(({ instance }) => instance)));
      const failed = event.leases.map(({ instance, error, isFinal }) => ({ instance, error, isFinal }));
      return { ...state, refreshFailures: [...known.refreshFailures, ...failed] };
    }
    case 'SlotsEnded':
      return withoutSlots(state, event.attempts, event.at);
    case 'PoolClosed':
      return { ...state, closed: true };
    case 'PoolFailed':
      return { ...state, failed: event.error, slots: withoutWaiting(slots, event.at) };
    case 'PoolDeleted':
      return { ...state, deleted: true };
    default:
      return assertNever(event);
  }
};
