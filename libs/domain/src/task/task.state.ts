import type { AttemptEnd, LeaseRef, TaskEvent, TaskSpec } from './task.events.js';
import { eachOf, wholeOf, type DependencyEnd, type TaskOutcome } from './dependencies.js';
import { readyCount } from './instance-dependencies.js';
import type { InstantMs } from '../shared/time.js';
import { assertNever } from '../shared/decider.js';
import { InstanceCounts } from '../shared/instance-counts.js';
import {
  difference,
  emptyRanges,
  fromNumbers,
  intersection,
  parseRanges,
  union,
  type Ranges,
} from '../shared/ranges.js';

/** Phases of a lease: dispatched (on its way) -> executing (the command runs) -> uploading (the command is over). */
export type LeasePhase = 'dispatched' | 'executing' | 'uploading';

/** The current lease of an instance. */
export interface InFlight {
  readonly leaseId: string;
  readonly attempt: number;
  readonly node: string;
  readonly nodeEpoch: number;
  /** The lease of the pool's slot that it runs in. */
  readonly inSlot?: string;
  readonly phase: LeasePhase;
  /** When the lease was given. */
  readonly dispatchedAt: InstantMs;
  readonly startedAt?: InstantMs;
}

/**
 * The fold of a task: sets for the many instances, a record for each of the few in flight.
 * `waiting`, `inFlight`, `succeeded`, `failed` and `cancelled` partition `all`.
 */
export interface TaskState {
  readonly exists: boolean;
  readonly deleted: boolean;
  readonly taskId: string;
  readonly owner: string;
  readonly spec: TaskSpec;
  readonly all: Ranges;
  readonly waiting: Ranges;
  readonly inFlight: ReadonlyMap<number, InFlight>;
  readonly succeeded: Ranges;
  readonly failed: Ranges;
  readonly cancelled: Ranges;
  /** Instances whose command started at least once. */
  readonly startedOnce: Ranges;
  readonly cancelRequested: boolean;
  readonly deleteRequested: boolean;
  /** Last attempt number, only of instances that were dispatched. */
  readonly attempts: InstanceCounts;
  /** Retries taken after a failure of the user's command, by instance and in all. */
  readonly userRetries: InstanceCounts;
  readonly totalRetries: number;
  /** Retries taken after a failure of the platform. */
  readonly platformRetries: InstanceCounts;
  /** Why instances wait, as last recorded. */
  readonly lastReason: string | null;
  /** Since when the task as a whole waits for room: instances do, and none is on a node. Null otherwise. */
  readonly queuedSince: InstantMs | null;
  /** It waits for other tasks, so that no instance of it may start. */
  readonly isHeld: boolean;
  /** Of those that wait, instances that wait for the same ones of other tasks. */
  readonly held: Ranges;
  /** Instances of it ended while they waited for the same ones of other tasks, and not because of how those ended. */
  readonly endedHeld: boolean;
  /** How those ended that it waited for, once that was decided; of tasks that instances wait for one by one, the first end that was not as it should be. */
  readonly dependencyEnds: readonly DependencyEnd[];
  /** How often new resources were asked for: tells one request from the next. */
  readonly resourceUpdates: number;
  /** Digests of the images that its instances ran in, the first ones of many; absent: none, and in folds of before. */
  readonly images?: readonly string[];
  /** Sessions in its instances that have not ended; absent: none. Those of before their openings named a carrier are none of them: folds of that time have none either. */
  readonly openSessions?: readonly OpenSession[];
}

/** A session that has not ended, and the process of the platform that carries it. */
export interface OpenSession {
  readonly session: string;
  readonly instance: number;
  readonly carrier: string;
}

/** Those that were open before and one more, or one less. None is no field, so that the fold of a task is as it was. */
const withSessions = (
  { openSessions: before = [], ...state }: TaskState,
  change: { readonly opened?: OpenSession; readonly ended?: string },
): TaskState => {
  const others = before.filter(({ session }) => session !== change.ended);
  const openSessions = change.opened ? [...others, change.opened] : others;
  return openSessions.length === 0 ? state : { ...state, openSessions };
};

/** More images of one task say no more: those who pin one want it to be the only one. */
const MOST_IMAGES = 16;

const withImages = (state: TaskState, ran: readonly { readonly image?: string }[]): TaskState => {
  const { images = [] } = state;
  const news = new Set(ran.flatMap(({ image }) => (image === undefined || images.includes(image) ? [] : [image])));
  return news.size === 0 || images.length >= MOST_IMAGES
    ? state
    : { ...state, images: [...images, ...news].slice(0, MOST_IMAGES) };
};

const noSpec: TaskSpec = {
  name: '',
  shortname: '',
  profile: '',
  profileVersion: 0,
  instances: '',
  advancedRanges: null,
  constants: [],
  resources: [],
  resultBucket: null,
  resultsPrefix: null,
  resultsWhitelist: null,
  resultsBlacklist: null,
  uploadResultsOnCancellation: false,
  snapshotBucket: null,
  snapshotPrefix: null,
  snapshotWhitelist: null,
  snapshotBlacklist: null,
  request: { cores: 0, memoryMB: 0 },
  hardwareConstraints: [],
  plan: 'flex',
  maxRetriesPerInstance: 0,
  maxTotalRetries: 0,
  tags: [],
  labels: {},
  echo: {},
};

export const initialTaskState: TaskState = {
  exists: false,
  deleted: false,
  taskId: '',
  owner: '',
  spec: noSpec,
  all: emptyRanges,
  waiting: emptyRanges,
  inFlight: new Map(),
  succeeded: emptyRanges,
  failed: emptyRanges,
  cancelled: emptyRanges,
  startedOnce: emptyRanges,
  cancelRequested: false,
  deleteRequested: false,
  attempts: InstanceCounts.none,
  userRetries: InstanceCounts.none,
  totalRetries: 0,
  platformRetries: InstanceCounts.none,
  lastReason: null,
  queuedSince: null,
  isHeld: false,
  held: emptyRanges,
  endedHeld: false,
  dependencyEnds: [],
  resourceUpdates: 0,
};

/** Nothing waits and nothing is in flight. */
export const isOver = (state: TaskState): boolean =>
  state.exists && state.waiting.size === 0 && state.inFlight.size === 0;

/** How a task ended that is over, for those that depend on it. */
export const outcomeOf = (state: TaskState): TaskOutcome => {
  if (isStopping(state)) return 'cancelled';
  if (state.failed.size > 0) return 'failure';
  return state.cancelled.size > 0 ? 'cancelled' : 'success';
};

/** No instance of this task may start or wait any more. */
export const isStopping = (state: TaskState): boolean =>
  state.cancelRequested || state.deleteRequested || state.deleted;

const rangesFromText = (text: string): Ranges => {
  const parsed = parseRanges(text);
  return 'ranges' in parsed ? parsed.ranges : emptyRanges;
};

const instancesOf = (items: readonly { readonly instance: number }[]): Ranges =>
  fromNumbers(items.map(({ instance }) => instance));

const withPhase = (
  state: TaskState,
  leases: readonly (LeaseRef & { startedAt?: InstantMs })[],
  phase: LeasePhase,
): TaskState => {
  const inFlight = new Map(state.inFlight);
  for (const { instance, startedAt } of leases) {
    const lease = inFlight.get(instance);
    if (lease) inFlight.set(instance, startedAt === undefined ? { ...lease, phase } : { ...lease, phase, startedAt });
  }
  return { ...state, inFlight };
};

const withoutLeases = (state: TaskState, attempts: readonly AttemptEnd[]): ReadonlyMap<number, InFlight> => {
  const inFlight = new Map(state.inFlight);
  for (const { instance } of attempts) inFlight.delete(instance);
  return inFlight;
};

const concluded = (state: TaskState, attempts: readonly AttemptEnd[]): TaskState => {
  const ended = (outcome: AttemptEnd['outcome']): Ranges =>
    instancesOf(attempts.filter((end) => end.outcome === outcome));
  return {
    ...state,
    inFlight: withoutLeases(state, attempts),
    succeeded: union(state.succeeded, ended('success')),
    failed: union(state.failed, ended('failure')),
    cancelled: union(state.cancelled, ended('cancelled')),
  };
};

const requeued = (state: TaskState, attempts: readonly AttemptEnd[]): TaskState => {
  const byUser = attempts.filter((end) => end.cause === 'user');
  const byPlatform = attempts.filter((end) => end.cause === 'platform');
  return {
    ...state,
    inFlight: withoutLeases(state, attempts),
    waiting: union(state.waiting, instancesOf(attempts)),
    userRetries: state.userRetries.increment(instancesOf(byUser)),
    totalRetries: state.totalRetries + byUser.length,
    platformRetries: state.platformRetries.increment(instancesOf(byPlatform)),
  };
};

const withoutWaiting = (state: TaskState, instances: Ranges): TaskState => ({
  ...state,
  waiting: difference(state.waiting, instances),
  held: difference(state.held, instances),
});

/** They end although those that they may wait for have decided nothing. */
const endedWaiting = (state: TaskState, instances: Ranges): TaskState => ({
  ...withoutWaiting(state, instances),
  endedHeld: state.endedHeld || intersection(state.held, instances).size > 0,
});

/** The ends with those of other tasks than these. */
const withEnds = ({ dependencyEnds }: TaskState, ends: readonly DependencyEnd[]): readonly DependencyEnd[] => {
  const known = new Set(dependencyEnds.map(({ taskId }) => taskId));
  const added = ends.filter(({ taskId }) => !known.has(taskId));
  return added.length === 0 ? dependencyEnds : [...dependencyEnds, ...added];
};

/** When the task has waited for too long, or null when it may wait for ever or does not wait. */
export const queueDeadlineOf = ({ queuedSince, spec }: TaskState): InstantMs | null =>
  queuedSince === null || spec.maxTimeQueueSeconds === undefined
    ? null
    : queuedSince + spec.maxTimeQueueSeconds * 1_000;

/** The state with the moment from which it waits as a whole, or without. */
export const afterQueue = (state: TaskState, at: InstantMs): TaskState => {
  const isQueued = state.inFlight.size === 0 && readyCount(state) > 0;
  if (isQueued === (state.queuedSince !== null)) return state;
  return { ...state, queuedSince: isQueued ? at : null };
};

/** Total and without checks: what happened, happened. Costs what changed and what is in flight, not what exists. */
export const evolveTask = (state: TaskState, event: TaskEvent): TaskState =>
  afterQueue(afterEvent(state, event), event.at);

const afterEvent = (state: TaskState, event: TaskEvent): TaskState => {
  switch (event.type) {
    case 'TaskSubmitted': {
      const all = rangesFromText(event.spec.instances);
      return {
        ...initialTaskState,
        exists: true,
        taskId: event.taskId,
        owner: event.owner,
        spec: event.spec,
        all,
        waiting: all,
        isHeld: wholeOf(event.spec.dependencies ?? []).length > 0,
        held: eachOf(event.spec.dependencies ?? []).length > 0 ? all : emptyRanges,
      };
    }
    case 'TaskUpdated': {
      const { tags = state.spec.tags, constants = state.spec.constants, wrappedKey = state.spec.wrappedKey } = event;
      return {
        ...state,
        spec: { ...state.spec, tags, constants, ...(wrappedKey === undefined ? {} : { wrappedKey }) },
      };
    }
    case 'TaskCancelRequested':
      return { ...state, cancelRequested: true };
    case 'TaskDeleteRequested':
      return { ...state, deleteRequested: true };
    case 'TaskResourcesUpdateRequested':
      return { ...state, resourceUpdates: state.resourceUpdates + 1 };
    case 'TaskSnapshotsPlanned': {
      const { intervalSeconds, bucket, prefix, whitelist, blacklist } = event;
      const { snapshotRetention, ...rest } = state.spec;
      const retention = event.retention === undefined ? snapshotRetention : event.retention;
      const spec = {
        ...rest,
        ...(retention ? { snapshotRetention: retention } : {}),
        snapshotIntervalSeconds: intervalSeconds,
        snapshotBucket: bucket,
        snapshotPrefix: prefix,
        snapshotWhitelist: whitelist,
        snapshotBlacklist: blacklist,
      };
      return { ...state, spec };
    }
    case 'InstancesDispatched': {
      const dispatched = instancesOf(event.leases);
      const inFlight = new Map(state.inFlight);
      for (const { instance, ...lease } of event.leases)
        inFlight.set(instance, { ...lease, phase: 'dispatched', dispatchedAt: event.at });
      return {
        ...state,
        inFlight,
        waiting: difference(state.waiting, dispatched),
        attempts: state.attempts.increment(dispatched),
      };
    }
    case 'InstancesStarted':
      return {
        ...withPhase(withImages(state, event.leases), event.leases, 'executing'),
        startedOnce: union(state.startedOnce, instancesOf(event.leases)),
      };
    case 'InstancesExited':
      return withPhase(state, event.leases, 'uploading');
    case 'InstancesConcluded':
      return concluded(withImages(state, event.attempts), event.attempts);
    case 'InstancesRequeued':
      return requeued(withImages(state, event.attempts), event.attempts);
    case 'WaitingInstancesCancelled': {
      const instances = rangesFromText(event.instances);
      const cancelled = union(state.cancelled, instances);
      if (event.because === undefined) return { ...endedWaiting(state, instances), cancelled };
      return {
        ...withoutWaiting(state, instances),
        cancelled,
        dependencyEnds: withEnds(state, [event.because]),
      };
    }
    case 'WaitingInstancesExpired': {
      const instances = rangesFromText(event.instances);
      return { ...endedWaiting(state, instances), failed: union(state.failed, instances) };
    }
    case 'WaitingReasonChanged':
      return { ...state, lastReason: event.reason };
    case 'DependenciesFulfilled':
      return { ...state, isHeld: false, dependencyEnds: withEnds(state, event.ends) };
    case 'InstancesReleased':
      return { ...state, held: difference(state.held, rangesFromText(event.instances)) };
    case 'DependenciesFailed':
      return { ...state, isHeld: false, dependencyEnds: withEnds(state, event.ends), cancelRequested: true };
    // What people do in instances changes nothing of what becomes of them.
    case 'TaskSessionOpened': {
      const { session, instance, carrier } = event;
      return carrier === undefined ? state : withSessions(state, { opened: { session, instance, carrier } });
    }
    case 'TaskSessionEnded':
      return withSessions(state, { ended: event.session });
    case 'TaskDeleted':
      return { ...state, deleted: true };
    default:
      return assertNever(event);
  }
};
