import { isSameRetention } from '../snapshot/retention.js';
import { verdictOfAll, type DependencyEnd } from './dependencies.js';
import type { InstantMs } from '../shared/time.js';
import type { TaskCommand } from './task.commands.js';
import type { CancelCause, DispatchedLease, SnapshotPlan, TaskEvent } from './task.events.js';
import { accept, assertNever, reject, type Decider, type Decision } from '../shared/decider.js';
import { constantsChanged, holdsAll } from './kept-constants.js';
import { formatRanges, has } from '../shared/ranges.js';
import { readyOf, settledInstances, startableOf, type InstanceEnds } from './instance-dependencies.js';
import { recordReports, revokeLeases } from './record-reports.js';
import { evolveTask, initialTaskState, isOver, isStopping, queueDeadlineOf, type TaskState } from './task.state.js';

type TaskDecision = Decision<TaskEvent>;

const notFound = ({ taskId }: TaskState): TaskDecision =>
  reject('not-found', 'task-not-found', `No such task: ${taskId}`);
const isGone = (state: TaskState): boolean => !state.exists || state.deleted;

const cancelWaiting = (state: TaskState, at: InstantMs): readonly TaskEvent[] =>
  state.waiting.size > 0 ? [{ type: 'WaitingInstancesCancelled', instances: formatRanges(state.waiting), at }] : [];

const cancelTask = (state: TaskState, because: CancelCause | undefined, at: InstantMs): TaskDecision => {
  if (isGone(state)) return notFound(state);
  if (isOver(state)) return reject('forbidden', 'task-over', `Task ${state.taskId} is already finished`);
  if (isStopping(state)) return accept();
  return accept<TaskEvent>(
    { type: 'TaskCancelRequested', ...(because === undefined ? {} : { because }), at },
    ...cancelWaiting(state, at),
  );
};

/** Deleting cancels first what is not over; the task is gone at once when nothing is in flight. */
const deleteTask = (state: TaskState, at: InstantMs): TaskDecision => {
  if (isGone(state)) return notFound(state);
  if (state.deleteRequested) return accept();
  return accept<TaskEvent>(
    { type: 'TaskDeleteRequested', at },
    ...cancelWaiting(state, at),
    ...(state.inFlight.size === 0 ? [{ type: 'TaskDeleted', at } as const] : []),
  );
};

const dispatchInstances = (state: TaskState, leases: readonly DispatchedLease[], at: InstantMs): TaskDecision => {
  const most = startableOf(state).size;
  const ready = readyOf(state);
  const chosen = new Map<number, DispatchedLease>();
  for (const lease of leases) {
    // An instance that was cancelled since the plan was made is no mistake of anybody.
    if (chosen.size === most || !has(ready, lease.instance) || chosen.has(lease.instance)) continue;
    const attempt = state.attempts.countOf(lease.instance) + 1;
    if (lease.attempt !== attempt) {
      return reject(
        'conflict',
        'wrong-attempt',
        `instance ${lease.instance} is at attempt ${attempt}, not ${lease.attempt}`,
      );
    }
    chosen.set(lease.instance, lease);
  }
  return chosen.size === 0
    ? accept()
    : accept<TaskEvent>({ type: 'InstancesDispatched', leases: [...chosen.values()], at });
};

/** Adds TaskDeleted when these events end the last lease of a task whose deletion was asked for. */
const finishDeletion = (state: TaskState, events: readonly TaskEvent[], at: InstantMs): TaskDecision => {
  const isDeleting = events.length > 0 && state.deleteRequested && !state.deleted;
  const isComplete = isDeleting && events.reduce(evolveTask, state).inFlight.size === 0;
  return accept<TaskEvent>(...events, ...(isComplete ? [{ type: 'TaskDeleted', at } as const] : []));
};

const updateTask = (state: TaskState, command: Extract<TaskCommand, { type: 'UpdateTask' }>): TaskDecision => {
  if (isGone(state)) return notFound(state);
  const { tags, constants, wrappedKey, keeps, at } = command;
  if (!holdsAll(state.spec.constants, keeps)) return constantsChanged(state.taskId);
  if (tags === undefined && constants === undefined && wrappedKey === undefined) return accept();
  return accept<TaskEvent>({
    type: 'TaskUpdated',
    ...(tags === undefined ? {} : { tags }),
    ...(constants === undefined ? {} : { constants }),
    ...(wrappedKey === undefined ? {} : { wrappedKey }),
    at,
  });
};

/** Who is not running has nothing to fetch: an instance that starts later takes what is in the buckets then. */
const updateResources = (state: TaskState, at: InstantMs): TaskDecision => {
  if (isGone(state)) return notFound(state);
  const runs = [...state.inFlight.values()].some(({ phase }) => phase === 'executing');
  if (!runs || isStopping(state)) return reject('invalid', 'task-not-running', `Task ${state.taskId} is not running`);
  if (state.spec.pin !== undefined)
    return reject('invalid', 'inputs-pinned', `Task ${state.taskId} is pinned to the inputs of its origin`);
  return accept<TaskEvent>({ type: 'TaskResourcesUpdateRequested', at });
};

const planOf = ({ spec }: TaskState): SnapshotPlan => ({
  intervalSeconds: spec.snapshotIntervalSeconds ?? 0,
  bucket: spec.snapshotBucket,
  prefix: spec.snapshotPrefix,
  whitelist: spec.snapshotWhitelist,
  blacklist: spec.snapshotBlacklist,
});

/** Also of a task that waits still. A plan that is asked for again changes nothing, so that its snapshots stay where they are in time. */
const planSnapshots = (state: TaskState, command: Extract<TaskCommand, { type: 'PlanSnapshots' }>): TaskDecision => {
  if (isGone(state)) return notFound(state);
  if (isOver(state) || isStopping(state))
    return reject('forbidden', 'task-not-running', `Task ${state.taskId} is not running`);
  const before = planOf(state);
  const {
    intervalSeconds,
    bucket = before.bucket,
    prefix = before.prefix,
    whitelist = before.whitelist,
    blacklist = before.blacklist,
    at,
  } = command;
  if (intervalSeconds > 0 && !bucket && !state.spec.resultBucket)
    return reject('invalid', 'no-bucket', `Task ${state.taskId} has neither a snapshot bucket nor a result bucket`);
  const after: SnapshotPlan = { intervalSeconds, bucket, prefix, whitelist, blacklist };
  const { retention } = command;
  const keepsOthers = retention !== undefined && !isSameRetention(retention, state.spec.snapshotRetention);
  const isSame = (Object.keys(before) as readonly (keyof SnapshotPlan)[]).every((key) => before[key] === after[key]);
  if (isSame && !keepsOthers) return accept();
  return accept<TaskEvent>({ type: 'TaskSnapshotsPlanned', ...after, ...(keepsOthers ? { retention } : {}), at });
};

const openSession = (
  state: TaskState,
  { type: _, at, ...session }: Extract<TaskCommand, { type: 'OpenSession' }>,
): TaskDecision => {
  if (isGone(state)) return notFound(state);
  const lease = state.inFlight.get(session.instance);
  if (lease?.leaseId !== session.leaseId || lease.phase !== 'executing')
    return reject(
      'conflict',
      'instance-not-running',
      `Instance ${session.instance} of task ${state.taskId} is not running`,
    );
  return accept<TaskEvent>({ type: 'TaskSessionOpened', ...session, at });
};

/** Decided anew on every try: a dispatch that came first has ended the wait. */
const expireWaiting = (state: TaskState, passed: InstantMs | undefined, at: InstantMs): TaskDecision => {
  const deadline = queueDeadlineOf(state);
  const hasPassed = deadline !== null && (passed === undefined ? at >= deadline : passed === deadline);
  if (!hasPassed || isStopping(state)) return accept();
  return accept<TaskEvent>({ type: 'WaitingInstancesExpired', instances: formatRanges(readyOf(state)), at });
};

/** Ends that decide nothing yet are not written down: whoever decides knows them, or learns them again from the log. */
const settleDependencies = (state: TaskState, ends: readonly DependencyEnd[], at: InstantMs): TaskDecision => {
  if (!state.isHeld || isStopping(state)) return accept();
  const outcomes = new Map(ends.map(({ taskId, outcome }) => [taskId, outcome]));
  switch (verdictOfAll(state.spec.dependencies ?? [], (taskId) => outcomes.get(taskId))) {
    case 'waiting':
      return accept();
    case 'fulfilled':
      return accept<TaskEvent>({ type: 'DependenciesFulfilled', ends, at });
    case 'notFulfilled':
      return accept<TaskEvent>({ type: 'DependenciesFailed', ends, at }, ...cancelWaiting(state, at));
  }
};

/** Decided from all that is known of the others, so that whatever was decided before does not matter. */
const settleInstances = (state: TaskState, ends: readonly InstanceEnds[], at: InstantMs): TaskDecision => {
  if (isStopping(state) || state.held.size === 0) return accept();
  const { released, unmet } = settledInstances(state.held, state.spec.dependencies ?? [], ends);
  return accept<TaskEvent>(
    ...unmet.map(({ because, instances }): TaskEvent => {
      return { type: 'WaitingInstancesCancelled', instances: formatRanges(instances), because, at };
    }),
    ...(released.size > 0 ? [{ type: 'InstancesReleased', instances: formatRanges(released), at } as const] : []),
  );
};

const decide = (state: TaskState, command: TaskCommand): TaskDecision => {
  switch (command.type) {
    case 'SubmitTask': {
      if (state.exists) return reject('conflict', 'task-exists', `Task ${command.taskId} was already submitted`);
      const { taskId, owner, spec, at } = command;
      return accept<TaskEvent>({ type: 'TaskSubmitted', taskId, owner, spec, at });
    }
    case 'UpdateTask':
      return updateTask(state, command);
    case 'CancelTask':
      return cancelTask(state, command.because, command.at);
    case 'DeleteTask':
      return deleteTask(state, command.at);
    case 'UpdateResources':
      return updateResources(state, command.at);
    case 'PlanSnapshots':
      return planSnapshots(state, command);
    case 'OpenSession':
      return openSession(state, command);
    case 'EndSession': {
      const { type: _, at: when, ...session } = command;
      // Who carried it and who found that one gone may both tell of the end: the first one is believed.
      const isOpen = state.openSessions?.some((one) => one.session === session.session) === true;
      return state.deleted || !isOpen
        ? accept()
        : accept<TaskEvent>({ type: 'TaskSessionEnded', ...session, at: when });
    }
    case 'SettleDependencies':
      return settleDependencies(state, command.ends, command.at);
    case 'SettleInstances':
      return settleInstances(state, command.ends, command.at);
    case 'ExpireWaiting':
      return expireWaiting(state, command.passed, command.at);
    case 'FailWaiting': {
      const { error, at } = command;
      if (isGone(state) || isStopping(state) || state.waiting.size === 0) return accept();
      return accept<TaskEvent>({ type: 'WaitingInstancesExpired', instances: formatRanges(state.waiting), error, at });
    }
    case 'DispatchInstances':
      return dispatchInstances(state, command.leases, command.at);
    case 'RecordReports':
      return finishDeletion(state, recordReports(state, command.reports, command.at), command.at);
    case 'RevokeLeases':
      return finishDeletion(state, revokeLeases(state, command.attempts, command.at), command.at);
    case 'RecordWaitingReason': {
      const { reason, detail, at } = command;
      if (isGone(state) || reason === state.lastReason) return accept();
      return accept<TaskEvent>({ type: 'WaitingReasonChanged', reason, detail, at });
    }
    default:
      return assertNever(command);
  }
};

/**
 * The task aggregate: who may ask what is said at {@link TaskCommand}. Rejections: `task-exists`, `task-not-found`, `task-over`,
 * `task-not-running`, `inputs-pinned`,
 * `wrong-attempt`. What nodes report never is rejected, at most ignored.
 */
export const taskDecider: Decider<TaskState, TaskCommand, TaskEvent> = {
  initial: initialTaskState,
  decide,
  evolve: evolveTask,
};
