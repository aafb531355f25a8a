import type { InstantMs } from '../shared/time.js';

/** What the user asked of a job. */
export interface JobSpec {
  readonly name: string;
  /** The user's own name for the job; the job id when none was given. */
  readonly shortname: string;
  /** The pool that its tasks run in; absent: none. */
  readonly poolId?: string;
  /** Whether its tasks may depend on each other. */
  readonly useDependencies: boolean;
  readonly tags: readonly string[];
  /** Seconds after its creation at which the job is terminated; absent means never. */
  readonly maxWallTimeSeconds?: number;
  /** Seconds after its completion at which the job is deleted; absent means never. */
  readonly completionTimeToLiveSeconds?: number;
  /** Once completed, the job may be deleted to make room for another one of its owner. */
  readonly autoDeleteOnCompletion?: boolean;
}

/** Why a job ends: its owner, or whoever looks after it, asked for it; or its time was over. */
export type JobEnd = 'user' | 'wall-time';

/**
 * The job aggregate's events, all of them by submission. Its tasks are aggregates of their own, which name their job.
 * States: Active -> Terminating (its tasks are being cancelled) -> Completed (they have ended); Deleting (with its tasks, where that was asked
 * for) from each of them; JobDeleted ends the stream.
 */
export type JobEvent =
  | {
      readonly type: 'JobCreated';
      readonly jobId: string;
      readonly owner: string;
      readonly spec: JobSpec;
      readonly at: InstantMs;
    }
  | { readonly type: 'JobTerminateRequested'; readonly reason: JobEnd; readonly at: InstantMs }
  /** It was terminated, and the last of its tasks has ended. */
  | { readonly type: 'JobCompleted'; readonly at: InstantMs }
  | { readonly type: 'JobDeleteRequested'; readonly withTasks: boolean; readonly at: InstantMs }
  | { readonly type: 'JobDeleted'; readonly at: InstantMs };

export const JOB_STATES = ['Active', 'Terminating', 'Completed', 'Deleting'] as const;
/** The public states of jobs (contract, section 3.7). */
export type PublicJobState = (typeof JOB_STATES)[number];

export type JobCommand =
  | {
      readonly type: 'CreateJob';
      readonly jobId: string;
      readonly owner: string;
      readonly spec: JobSpec;
      readonly at: InstantMs;
    }
  | { readonly type: 'TerminateJob'; readonly reason: JobEnd; readonly at: InstantMs }
  /** The tasks of a terminated job have ended. */
  | { readonly type: 'CompleteJob'; readonly at: InstantMs }
  | { readonly type: 'DeleteJob'; readonly withTasks: boolean; readonly at: InstantMs }
  /** The tasks that were to go with the job are gone. */
  | { readonly type: 'FinishDeletion'; readonly at: InstantMs };
