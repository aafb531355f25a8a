import type { PublicTaskState } from './task.events.js';
import type { LeasePhase, TaskState } from './task.state.js';

/** How many leases are in each phase. */
export const phaseCounts = (state: TaskState): Readonly<Record<LeasePhase, number>> => {
  const counts = { dispatched: 0, executing: 0, uploading: 0 };
  for (const { phase } of state.inFlight.values()) counts[phase] += 1;
  return counts;
};

const doneOf = ({ succeeded, failed, cancelled }: TaskState): number => succeeded.size + failed.size + cancelled.size;

/** The state that clients see (contract, section 4.1): a function of the counters, so it can never disagree with them. */
export const publicStateOf = (state: TaskState): PublicTaskState => {
  const { dispatched, executing, uploading } = phaseCounts(state);
  const waits = state.waiting.size > 0;
  const isInFlight = dispatched + executing + uploading > 0;

  if (state.deleteRequested || state.deleted) return 'PendingDelete';
  if (state.cancelRequested) {
    if (!isInFlight) return 'Cancelled';
    return dispatched + executing === 0 && state.spec.uploadResultsOnCancellation
      ? 'UploadingResults'
      : 'PendingCancel';
  }
  if (!isInFlight && !waits && state.exists) {
    if (state.failed.size > 0) return 'Failure';
    return state.cancelled.size > 0 ? 'Cancelled' : 'Success';
  }
  if (executing > 0) return waits || dispatched > 0 ? 'PartiallyExecuting' : 'FullyExecuting';
  if (dispatched > 0) {
    // "None running yet" is no longer true once an instance has run: a task does not go back to it.
    if (uploading > 0 || doneOf(state) > 0) return 'PartiallyExecuting';
    return waits ? 'PartiallyDispatched' : 'FullyDispatched';
  }
  if (uploading > 0) return waits ? 'PartiallyExecuting' : 'UploadingResults';
  return doneOf(state) === 0 ? 'Submitted' : 'PartiallyExecuting';
};
