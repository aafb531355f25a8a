import { Inject, Injectable } from '@nestjs/common';
import { jobDecider, type JobCommand, type JobEvent, type JobState } from '@fornax/domain';
import { loadAggregate, type EventLog } from '@fornax/event-store';
import { Sealer } from '@fornax/identity';
import { activeTraceparent, derivedId, type Clock } from '@fornax/base';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { ObjectCommits, type NamedKind } from '@fornax/tasks';
import type { JobRow } from '../model/job-row.js';

/** What the platform asks of a job by itself, and why. */
const REASONS = {
  TerminateJob: 'its time was over',
  CompleteJob: 'the last of its tasks has ended',
  DeleteJob: 'its time after completion is over, or its owner needed its place',
  FinishDeletion: 'the last of its tasks is gone',
} as const;

type OwnCommand = Exclude<JobCommand, { type: 'CreateJob' }>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** Decides commands on jobs and appends what comes out. */
@Injectable()
export class JobCommits extends ObjectCommits<JobState, JobCommand, JobEvent> {
  constructor(@Inject(EVENT_LOG) log: EventLog, sealer: Sealer, @Inject(CLOCK) clock: Clock) {
    super({ aggregate: 'job', decider: jobDecider }, log, sealer, clock);
  }

  /** Does something with a job on behalf of its owner. Safe to repeat and to do from several processes: it reaches the log once. */
  decideForOwner(
    { job_id: id, owner }: Pick<JobRow, 'job_id' | 'owner'>,
    command: DistributiveOmit<OwnCommand, 'at'>,
  ): Promise<number> {
    const traceparent = activeTraceparent();
    return this.decide({
      id,
      command,
      commitId: derivedId(command.type, id),
      meta: {
        actor: 'service:submission',
        onBehalfOf: `user:${owner}`,
        reason: REASONS[command.type],
        source: 'submission',
        correlationId: `${command.type}:${id}`,
        ...(traceparent === undefined ? {} : { traceparent }),
      },
    });
  }
}

/** Jobs, as objects that have names. */
export const JOB_NAMES: NamedKind = {
  kind: 'job',
  rows: { table: 'job', key: 'job_id' },
  lifeOf: async (log, id) => {
    const { state } = await loadAggregate(log, 'job', id, jobDecider);
    if (!state.exists) return undefined;
    return state.deleted ? 'deleted' : 'lives';
  },
};
