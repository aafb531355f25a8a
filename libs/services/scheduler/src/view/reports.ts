import type { NodeReport } from '@fornax/contracts';
import type { AttemptEnd, InstanceError, InstanceReport, TaskState } from '@fornax/domain';
import type { TrackedLease } from './lease-book.js';
import type { SchedulerView } from './scheduler-view.js';

type EndedReport = Extract<NodeReport, { kind: 'ended' }>;

const startOf = (state: TaskState | undefined, { instance, leaseId }: TrackedLease): number | undefined => {
  const lease = state?.inFlight.get(instance);
  return lease?.leaseId === leaseId ? lease.startedAt : undefined;
};

const optional = <K extends string, V>(key: K, value: V | undefined): { readonly [key in K]?: V } =>
  // The key is a literal at every call, so the object has exactly that key or none.
  (value === undefined ? {} : { [key]: value }) as { readonly [key in K]?: V };

const MAX_MESSAGE_CHARS = 300;
const MAX_SIGNAL_CHARS = 32;
const MAX_NOTES = 10;

/** Control characters go too: JSON writes each as six bytes, and hundreds of reports share one commit. No character is left in half. */
const clip = (text: string, maxChars: number): string =>
  text
    .slice(0, maxChars)
    .toWellFormed()
    .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f]/g, ' ');

const clipped = (error: InstanceError | undefined): InstanceError | undefined =>
  error && {
    code: clip(error.code, 100),
    message: clip(error.message, MAX_MESSAGE_CHARS),
    // Agents of before tell what the command printed: that is output, and is deleted with it. An event would keep it.
    debug: '',
  };

/** Bytes of names in one event, with those of the notes: hundreds of ends share one commit. */
const NAMED_BYTES = 3_000;

/** The first results, as many as there is room for beside the notes. */
const namedResults = ({ results = [], folder = '', notes = [] }: EndedReport): readonly string[] | undefined => {
  let left = NAMED_BYTES - Buffer.byteLength(JSON.stringify([folder, ...notes.slice(0, MAX_NOTES)]));
  const last = results.findIndex((path) => (left -= Buffer.byteLength(JSON.stringify(path)) + 1) < 0);
  const named = last === -1 ? results : results.slice(0, last);
  return named.length === 0 ? undefined : named;
};

/**
 * What an attempt left as results. A cancelled one whose user did not ask for them left none, however far its node had come: nothing of it is published.
 */
const uploadedBy = (
  report: EndedReport,
  state: TaskState | undefined,
): Pick<AttemptEnd, 'uploadedFiles' | 'uploadedBytes' | 'results' | 'folder' | 'manifest'> => {
  if (report.outcome === 'cancelled' && state?.spec.uploadResultsOnCancellation !== true)
    return { uploadedFiles: 0, uploadedBytes: 0 };
  return {
    uploadedFiles: report.uploadedFiles,
    uploadedBytes: report.uploadedBytes,
    ...optional('results', namedResults(report)),
    ...optional('folder', report.folder),
    ...optional('manifest', report.manifest),
  };
};

const attemptEnd = (report: EndedReport, lease: TrackedLease, state: TaskState | undefined): AttemptEnd => ({
  instance: lease.instance,
  leaseId: lease.leaseId,
  attempt: lease.attempt,
  node: lease.node,
  outcome: report.outcome,
  ...optional('cause', report.cause),
  ...optional('exitCode', report.exitCode),
  ...optional('signal', report.signal === undefined ? undefined : clip(report.signal, MAX_SIGNAL_CHARS)),
  ...optional('startedAt', report.startedAt ?? startOf(state, lease)),
  endedAt: report.endedAt,
  cores: lease.cores,
  ...optional('inSlot', lease.inSlot),
  ...optional('cpuMs', report.cpuMs),
  ...optional('peakMemoryMB', report.peakMemoryMB),
  ...optional('downloadMs', report.downloadMs),
  ...optional('environmentMs', report.environmentMs),
  ...optional('uploadMs', report.uploadMs),
  ...optional('averageGHz', report.averageGHz),
  hardware: lease.hardware,
  ...uploadedBy(report, state),
  ...optional('inputs', report.inputs),
  ...optional('image', report.image),
  ...optional('error', clipped(report.error)),
  ...optional(
    'notes',
    report.notes?.slice(0, MAX_NOTES).map((note) => clip(note, MAX_MESSAGE_CHARS)),
  ),
});

/** A node's reports completed with what the scheduler knows of each lease. Those under a lease that is not current are left out. */
export const toInstanceReports = (
  view: SchedulerView,
  taskId: string,
  reports: readonly NodeReport[],
  now: number,
): readonly InstanceReport[] => {
  const state = view.task(taskId)?.state;
  if (!state) return [];
  return reports.flatMap((report): readonly InstanceReport[] => {
    const lease = view.leases.get(report.leaseId);
    if (lease?.taskId !== taskId) return [];
    const { instance, leaseId } = lease;
    if (report.kind === 'started')
      return [
        {
          kind: 'started',
          ...{ instance, leaseId, startedAt: report.startedAt },
          ...optional('snapshotId', report.snapshotId),
          ...optional('image', report.image),
        },
      ];
    if (report.kind === 'unknown')
      return revokedAttempts(view, taskId, [leaseId], now, 'forgotten').map((end) => ({ kind: 'ended', end }));
    if (report.kind === 'returned') {
      // Only what has not begun can be given back.
      if (state.inFlight.get(instance)?.phase !== 'dispatched') return [];
      const isHonest = (view.heldMs(lease) ?? Infinity) >= WAITED_MS;
      return revokedAttempts(view, taskId, [leaseId], now, isHonest ? 'returned' : 'refused').map((end) => ({
        kind: 'ended',
        end,
      }));
    }
    if (report.kind === 'refreshed') return [{ kind: 'refreshed', instance, leaseId, update: report.update }];
    if (report.kind === 'refresh-failed') {
      const { kind, update, error, isFinal } = report;
      return [{ kind, instance, leaseId, update, error, isFinal }];
    }
    if (report.kind === 'exited') return [{ kind: 'exited', instance, leaseId }];
    const heldMs = view.heldMs(lease);
    return [{ kind: 'ended', end: attemptEnd(report, lease, state), ...optional('heldMs', heldMs) }];
  });
};

/** Why the platform ends a lease by itself. */
export type RevocationCause = 'node-lost' | 'stuck' | 'forgotten' | 'returned' | 'refused';

/**
 * What waits on a node is given back after two seconds. A node that does so at once would be given the same instance again and again, and the log an event
 * each time: that counts as a try.
 */
const WAITED_MS = 1_000;

const ERRORS: Readonly<Record<Exclude<RevocationCause, 'node-lost' | 'returned'>, InstanceError>> = {
  stuck: {
    code: 'FX-LEASE-STUCK',
    message: 'The node did not get on with the instance, and did not end it when it was told to',
    debug: '',
  },
  refused: {
    code: 'FX-LEASE-REFUSED',
    message: 'The node gave the instance back at once',
    debug: '',
  },
  forgotten: {
    code: 'FX-LEASE-LOST',
    message: 'The node is alive but does not have the instance, and cannot say how it ended',
    debug: '',
  },
};

/** A lease that was given back is no try: like one that was preempted it is free, and its instance waits again however often. */
const causeOf = (cause: RevocationCause): Pick<AttemptEnd, 'cause' | 'error'> => {
  if (cause === 'node-lost') return { cause };
  return cause === 'returned' ? { cause: 'preempted' } : { cause: 'platform', error: ERRORS[cause] };
};

/** The last moment at which a lease was proven to be worked on: a lost node's last sign of life. */
const provenUntil = (view: SchedulerView, { node, nodeEpoch }: TrackedLease, now: number): number => {
  const state = view.node(node)?.state;
  return state?.status === 'lost' && state.epoch === nodeEpoch ? Math.min(now, state.heardAt ?? now) : now;
};

/** The end of attempts that no node will tell, as far as the scheduler knows them. */
export const revokedAttempts = (
  view: SchedulerView,
  taskId: string,
  leaseIds: readonly string[],
  now: number,
  cause: RevocationCause,
): readonly AttemptEnd[] => {
  const state = view.task(taskId)?.state;
  return leaseIds.flatMap((leaseId): readonly AttemptEnd[] => {
    const lease = view.leases.get(leaseId);
    if (lease?.taskId !== taskId || state?.inFlight.get(lease.instance)?.leaseId !== leaseId) return [];
    const startedAt = startOf(state, lease);
    const heldMs = view.heldMs(lease) ?? Infinity;
    const last = provenUntil(view, lease, now);
    return [
      {
        instance: lease.instance,
        leaseId,
        attempt: lease.attempt,
        node: lease.node,
        outcome: 'failure',
        ...causeOf(cause),
        ...optional('startedAt', startedAt),
        endedAt: startedAt === undefined ? now : startedAt + Math.min(Math.max(0, last - startedAt), heldMs),
        cores: lease.cores,
        ...optional('inSlot', lease.inSlot),
        hardware: lease.hardware,
        uploadedFiles: 0,
        uploadedBytes: 0,
      },
    ];
  });
};

/** Leases that a node can no longer hold, by task: those made for an epoch below the given one. */
export const voidLeases = (
  view: SchedulerView,
  node: string,
  belowEpoch: number,
): ReadonlyMap<string, readonly string[]> => {
  const byTask = new Map<string, string[]>();
  for (const { leaseId, taskId, nodeEpoch } of view.leases.onNode(node)) {
    if (nodeEpoch >= belowEpoch) continue;
    const ids = byTask.get(taskId);
    if (ids) ids.push(leaseId);
    else byTask.set(taskId, [leaseId]);
  }
  return byTask;
};

/** The first epoch of a node whose leases may be alive: for a lost or retired node the one after its last. */
export const livingEpoch = (view: SchedulerView, node: string): number => {
  const state = view.node(node)?.state;
  if (!state) return 0;
  return state.status === 'lost' || state.status === 'retired' ? state.epoch + 1 : state.epoch;
};
