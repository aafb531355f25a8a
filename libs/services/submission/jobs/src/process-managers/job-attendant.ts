import { Inject } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import { LogFollower, LogHandler, ReadBarriers } from '@fornax/service-kit';
import { ENDS, InjectDatabase, Shortnames, forgetDeleted } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { JOB_SHORTNAMES } from '../commands/job-places.js';
import { JOBS } from '../model/jobs.projection.js';
import { JobEnds } from '../commands/job-ends.js';
import { JobExpiry } from './job-expiry.js';
import { StagedTasks } from '../commands/staged-tasks.js';

/** What sets a time at which a job is due. */
const DUE_TIMES = ['JobCreated', 'JobCompleted'] as const;
const setsDueTime = withEvents(...DUE_TIMES);
const isCreation = withEvents('JobCreated');
const CHANGES = ['JobTerminateRequested', 'JobDeleteRequested', 'JobDeleted', 'TaskSubmitted', 'TaskDeleted'] as const;

/** Jobs that new tasks name. */
const jobsIn = (batch: readonly RecordedCommit[]): readonly string[] => [
  ...new Set(
    batch.flatMap(({ events }) =>
      events.flatMap((event) =>
        event.type === 'TaskSubmitted' && event.spec.jobId !== undefined ? [event.spec.jobId] : [],
      ),
    ),
  ),
];

/** Looks after jobs: what is to end with them, and what goes with those that were deleted. */
@LogFollower()
export class JobAttendant {
  @Inject(StagedTasks) private readonly staged!: StagedTasks;

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly ends: JobEnds,
    private readonly expiry: JobExpiry,
    private readonly barriers: ReadBarriers,
    @Inject(JOB_SHORTNAMES) private readonly names: Shortnames,
  ) {}

  @LogHandler({
    name: 'jobs-attendant',
    aggregates: ['job', 'task'],
    wants: withEvents(...DUE_TIMES, ...CHANGES, ...ENDS),
    from: 'checkpoint',
    service: 'submission',
  })
  async attend(batch: readonly RecordedCommit[]): Promise<void> {
    if (batch.some(setsDueTime)) this.expiry.notice();
    if (batch.some(isCreation)) this.staged.notice();
    const { sequence = 0 } = batch.at(-1) ?? {};
    const areShown = await Promise.all([
      this.barriers.of(JOBS).passed(sequence),
      this.barriers.of('status').passed(sequence),
    ]);
    if (areShown.includes(false)) throw new Error('the rows of jobs and tasks do not show yet what has happened');
    const named = jobsIn(batch);
    if (named.length > 0) await this.ends.cancelLate(named);
    await this.ends.settle();
    await forgetDeleted('JobDeleted', batch, { db: this.db, names: this.names });
  }
}
