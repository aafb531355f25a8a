import { accept, assertNever, reject, type Decider, type Decision } from '../shared/decider.js';
import type { JobCommand, JobEvent, PublicJobState } from './job.events.js';

export interface JobState {
  readonly exists: boolean;
  readonly jobId: string;
  readonly terminateRequested: boolean;
  readonly completed: boolean;
  readonly deleteRequested: boolean;
  readonly deleted: boolean;
}

const initial: JobState = {
  exists: false,
  jobId: '',
  terminateRequested: false,
  completed: false,
  deleteRequested: false,
  deleted: false,
};

/** The state that clients see: a function of what happened. */
export const publicJobStateOf = ({ terminateRequested, completed, deleteRequested }: JobState): PublicJobState => {
  if (deleteRequested) return 'Deleting';
  if (completed) return 'Completed';
  return terminateRequested ? 'Terminating' : 'Active';
};

type JobDecision = Decision<JobEvent>;

const decide = (state: JobState, command: JobCommand): JobDecision => {
  const { at } = command;
  if (command.type === 'CreateJob') {
    const { jobId, owner, spec } = command;
    return state.exists
      ? reject('conflict', 'job-exists', `Job ${jobId} was already created`)
      : accept<JobEvent>({ type: 'JobCreated', jobId, owner, spec, at });
  }
  if (!state.exists || state.deleted) return reject('not-found', 'job-not-found', `No such job: ${state.jobId}`);
  switch (command.type) {
    case 'TerminateJob':
      return publicJobStateOf(state) === 'Active'
        ? accept<JobEvent>({ type: 'JobTerminateRequested', reason: command.reason, at })
        : accept();
    case 'CompleteJob':
      return publicJobStateOf(state) === 'Terminating' ? accept<JobEvent>({ type: 'JobCompleted', at }) : accept();
    case 'DeleteJob': {
      if (state.deleteRequested) return accept();
      const { withTasks } = command;
      return accept<JobEvent>(
        { type: 'JobDeleteRequested', withTasks, at },
        ...(withTasks ? [] : [{ type: 'JobDeleted', at } as const]),
      );
    }
    case 'FinishDeletion':
      return state.deleteRequested ? accept<JobEvent>({ type: 'JobDeleted', at }) : accept();
    default:
      return assertNever(command);
  }
};

const evolve = (state: JobState, event: JobEvent): JobState => {
  switch (event.type) {
    case 'JobCreated':
      return { ...initial, exists: true, jobId: event.jobId };
    case 'JobTerminateRequested':
      return { ...state, terminateRequested: true };
    case 'JobCompleted':
      return { ...state, completed: true };
    case 'JobDeleteRequested':
      return { ...state, deleteRequested: true };
    case 'JobDeleted':
      return { ...state, deleted: true };
    default:
      return assertNever(event);
  }
};

/**
 * The job aggregate. Rejections: `job-exists`, `job-not-found`. Terminating what is terminated and completing what is not terminated do nothing,
 * so that clients and process managers may repeat themselves.
 */
export const jobDecider: Decider<JobState, JobCommand, JobEvent> = { initial, decide, evolve };
