import type { InstantMs } from '../shared/time.js';
import { assertNever } from '../shared/decider.js';
import type { InstanceReport } from './task.commands.js';
import type { AttemptEnd, LeaseRef, StartedLease, TaskEvent } from './task.events.js';
import { isStopping, type InFlight, type LeasePhase, type TaskState } from './task.state.js';

/** How often a failure of the platform is retried for one instance, before it counts as the instance's failure. */
export const MAX_PLATFORM_RETRIES = 3;

/** What one commit will say about attempts, grouped so that a batch of any size gives at most four events. */
interface Outcome {
  readonly started: StartedLease[];
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

const within = (value: number, from: number, to: number): number => Math.min(Math.max(value, from), Math.max(from, to));

/** Of what a node says about frequencies: above the hardware's own by turbo, but not by much more. */
const MOST_TURBO = 3;

/** Clocks that measure durations run a little differently: time servers may speed one up or slow it down by 500 millionths each (RFC 5905). */
const DRIFT = 1_000 / 1_000_000;

/** What a lease can have lasted, by the measure of the one who decides, or else between the instants of the lease and of its end's receipt. */
const longest = ({ dispatchedAt }: InFlight, receivedAt: InstantMs, heldMs: number | undefined): number =>
  heldMs === undefined ? Math.max(0, receivedAt - dispatchedAt) : Math.ceil(Math.max(0, heldMs) * (1 + DRIFT));

/**
 * When the command started and ended, as far as the node can be believed: it tells how long it took, by a clock that may be wrong, and that is
 * never more than the lease lasted. The start that was recorded first holds, and one that is recorded lies between the lease and the receipt.
 * The end follows from both, whatever the time of day was set to meanwhile, here or there.
 */
const believedTimes = (
  end: AttemptEnd,
  lease: InFlight,
  receivedAt: InstantMs,
  { heldMs, lastedMs }: { readonly heldMs: number | undefined; readonly lastedMs: number },
): Pick<AttemptEnd, 'startedAt' | 'endedAt'> => {
  const { dispatchedAt, startedAt } = lease;
  const said = end.startedAt;
  if (said === undefined && startedAt === undefined) return { endedAt: within(end.endedAt, dispatchedAt, receivedAt) };
  const start = startedAt ?? within(said ?? end.endedAt, dispatchedAt, receivedAt);
  const mostMs = heldMs === undefined ? Math.max(dispatchedAt, receivedAt) - start : lastedMs;
  return { startedAt: start, endedAt: start + within(end.endedAt - (said ?? start), 0, mostMs) };
};

const optionally = <K extends 'cpuMs' | 'downloadMs' | 'environmentMs' | 'uploadMs' | 'averageGHz'>(
  end: AttemptEnd,
  key: K,
  most: number,
): Partial<Record<K, number>> => {
  const value = end[key];
  const found: Partial<Record<K, number>> = {};
  if (value !== undefined) found[key] = within(value, 0, most);
  return found;
};

/** An end with figures that the lease can have had: none longer than the lease, no more processor time than its node has. */
const believed = (end: AttemptEnd, lease: InFlight, receivedAt: InstantMs, heldMs: number | undefined): AttemptEnd => {
  const { attempt, node } = lease;
  const lastedMs = longest(lease, receivedAt, heldMs);
  const { cores, ghz } = end.hardware;
  return {
    ...end,
    attempt,
    node,
    ...believedTimes(end, lease, receivedAt, { heldMs, lastedMs }),
    ...optionally(end, 'cpuMs', lastedMs * Math.max(1, cores, end.cores)),
    ...optionally(end, 'downloadMs', lastedMs),
    ...optionally(end, 'environmentMs', lastedMs),
    ...optionally(end, 'uploadMs', lastedMs),
    ...optionally(end, 'averageGHz', ghz > 0 ? ghz * MOST_TURBO : Infinity),
  };
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
  const starts = new Map<number, InstantMs>();

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
      case 'started': {
        if (phase !== 'dispatched') break;
        const startedAt = within(report.startedAt, lease.dispatchedAt, at);
        const { snapshotId, image } = report;
        outcome.started.push({
          instance,
          leaseId,
          startedAt,
          ...(snapshotId === undefined ? {} : { snapshotId }),
          ...(image === undefined ? {} : { image }),
        });
        starts.set(instance, startedAt);
        progress.set(instance, 'executing');
        break;
      }
      case 'exited':
        if (phase !== 'executing') break;
        outcome.exited.push({ instance, leaseId });
        progress.set(instance, 'uploading');
        break;
      case 'refreshed':
      case 'refresh-failed':
        // Of slots alone, which their pool decides.
        break;
      case 'ended': {
        const started = starts.get(instance);
        const known = started === undefined ? lease : { ...lease, startedAt: started };
        const end = believed(report.end, known, at, report.heldMs);
        const { startedAt, image } = end;
        // Phases that were never reported are stated now, so that the public states pass through them.
        if (phase === 'dispatched' && startedAt !== undefined)
          outcome.started.push({ instance, leaseId, startedAt, ...(image === undefined ? {} : { image }) });
        if (phase !== 'uploading' && startedAt !== undefined) outcome.exited.push({ instance, leaseId });
        settle(state, outcome, end);
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
