import type { InstantMs } from '../shared/time.js';
import { assertNever } from '../shared/decider.js';
import type { InstanceReport } from './task.commands.js';
import type { AttemptEnd, LeaseRef, TaskEvent } from './task.events.js';
import { isStopping, type InFlight, type LeasePhase, type TaskState } from './task.state.js';

/** How often a failure of the platform is retried for one instance, before it counts as the instance's failure. */
export const MAX_PLATFORM_RETRIES = 3;

/** What one commit will say about attempts, grouped so that a batch of any size gives at most four events. */
interface Outcome {
  readonly started: (LeaseRef & { readonly startedAt: InstantMs })[];
  readonly exited: LeaseRef[];
  readonly concluded: AttemptEnd[];
  readonly requeued: AttemptEnd[];
  /** Of `requeued`, those that count as the user's retries. */
  userRetries: number;
}

const emptyOutcome = (): Outcome => ({ started: [], exited: [], concluded: [], requeued: [], userRetries: 0 });

/**
 * In the order started, exited, concluded, requeued. That keeps the order of every single instance, because an instance has one
 * lease, hence one life, in one command.
 */
const eventsOf = ({ started, exited, concluded, requeued }: Outcome, at: InstantMs): readonly TaskEvent[] => [
  ...(started.length > 0 ? [{ type: 'InstancesStarted', leases: started, at } as const] : []),
  ...(exited.length > 0 ? [{ type: 'InstancesExited', leases: exited, at } as const] : []),
  ...(concluded.length > 0 ? [{ type: 'InstancesConcluded', attempts: concluded, at } as const] : []),
  ...(requeued.length > 0 ? [{ type: 'InstancesRequeued', attempts: requeued, at } as const] : []),
];

/**
 * Whether a failure of the user's command gets another try (contract, section 3.12). A limit of 0 is not set; when both are set the
 * stricter one wins; when none is set there is no retry.
 */
const mayRetryForUser = (state: TaskState, instance: number, retriedInThisCommand: number): boolean => {
  const { maxRetriesPerInstance: perInstance, maxTotalRetries: inAll } = state.spec;
  if (perInstance === 0 && inAll === 0) return false;
  const withinInstance = perInstance === 0 || state.userRetries.countOf(instance) < perInstance;
  return withinInstance && (inAll === 0 || state.totalRetries + retriedInThisCommand < inAll);
};

const getsAnotherTry = (state: TaskState, end: AttemptEnd, retriedInThisCommand: number): boolean => {
  if (end.outcome !== 'failure' || isStopping(state)) return false;
  switch (end.cause) {
    case 'node-lost':
    case 'preempted':
      return true;
    case 'platform':
      return state.platformRetries.countOf(end.instance) < MAX_PLATFORM_RETRIES;
    case 'user':
      return mayRetryForUser(state, end.instance, retriedInThisCommand);
    case 'limit':
    case undefined:
      return false;
    default:
      return assertNever(end.cause);
  }
};

/** A task that is being stopped has no failures any more: what did not succeed was cancelled. The cause stays, billing needs it. */
const finalEnd = (state: TaskState, end: AttemptEnd): AttemptEnd =>
  isStopping(state) && end.outcome !== 'success' ? { ...end, outcome: 'cancelled' } : end;

const settle = (state: TaskState, outcome: Outcome, end: AttemptEnd): void => {
  if (!getsAnotherTry(state, end, outcome.userRetries)) {
    outcome.concluded.push(finalEnd(state, end));
    return;
  }
  outcome.requeued.push(end);
  if (end.cause === 'user') outcome.userRetries += 1;
};

/**
 * Folds node reports into events. A report under a lease that is not current is late or doubled: expected traffic, ignored.
 * An exit that comes before its start is ignored as well, the end brings both.
 */
export const recordReports = (
  state: TaskState,
  reports: readonly InstanceReport[],
  at: InstantMs,
): readonly TaskEvent[] => {
  const outcome = emptyOutcome();
  /** What this command has done to the leases so far; 'ended' when the lease is over. */
  const progress = new Map<number, LeasePhase | 'ended'>();

  const currentLease = ({ instance, leaseId }: LeaseRef): InFlight | undefined => {
    const lease = state.inFlight.get(instance);
    return lease?.leaseId === leaseId && progress.get(instance) !== 'ended' ? lease : undefined;
  };

  for (const report of reports) {
    const ref: LeaseRef = report.kind === 'ended' ? report.end : report;
    const lease = currentLease(ref);
    if (!lease) continue;
    const { instance, leaseId } = ref;
    const phase = progress.get(instance) ?? lease.phase;

    switch (report.kind) {
      case 'started':
        if (phase !== 'dispatched') break;
        outcome.started.push({ instance, leaseId, startedAt: report.startedAt });
        progress.set(instance, 'executing');
        break;
      case 'exited':
        if (phase !== 'executing') break;
        outcome.exited.push({ instance, leaseId });
        progress.set(instance, 'uploading');
        break;
      case 'ended': {
        const { startedAt } = report.end;
        // Phases that were never reported are stated now, so that the public states pass through them.
        if (phase === 'dispatched' && startedAt !== undefined) outcome.started.push({ instance, leaseId, startedAt });
        if (phase !== 'uploading' && startedAt !== undefined) outcome.exited.push({ instance, leaseId });
        settle(state, outcome, { ...report.end, attempt: lease.attempt, node: lease.node });
        progress.set(instance, 'ended');
        break;
      }
    }
  }
  return eventsOf(outcome, at);
};

/** Ends leases from outside (a lost node, a preemption): their instances wait again, unless the task is being stopped. */
export const revokeLeases = (
  state: TaskState,
  attempts: readonly AttemptEnd[],
  at: InstantMs,
): readonly TaskEvent[] => {
  const outcome = emptyOutcome();
  const seen = new Set<number>();
  for (const end of attempts) {
    const lease = state.inFlight.get(end.instance);
    if (lease?.leaseId !== end.leaseId || seen.has(end.instance)) continue;
    seen.add(end.instance);
    settle(state, outcome, { ...end, attempt: lease.attempt, node: lease.node });
  }
  return eventsOf(outcome, at);
};
