import { Module } from '@nestjs/common';
import { provideProjection, provideReadBarrier } from '@fornax/service-kit';
import { DATABASE, provideShortnames, TaskPlaces, TasksModule, TasksToCome } from '@fornax/tasks';
import { CreateJob } from './commands/create-job.handler.js';
import { EndJob } from './commands/end-job.handler.js';
import { JOB_NAMES, JobCommits } from './commands/job-commits.js';
import { JOB_SHORTNAMES, JobReservations, JobRoom } from './commands/job-places.js';
import { JobHistoryController } from './http/job-history.controller.js';
import { JobListsController } from './http/job-lists.controller.js';
import { JobsController } from './http/jobs.controller.js';
import { RepeatJob } from './commands/repeat-job.handler.js';
import { RepetitionPool } from './commands/repetition-pool.js';
import { StagedTasks } from './commands/staged-tasks.js';
import { WholeJobsController } from './http/whole-jobs.controller.js';
import { JobBarrier, JOBS, JobsProjection } from './model/jobs.projection.js';
import { JobAttendant } from './process-managers/job-attendant.js';
import { JobEnds } from './commands/job-ends.js';
import { JobExpiry } from './process-managers/job-expiry.js';
import { JobLists } from './queries/job-lists.js';
import { JobHistory } from './queries/job-history.js';
import { JobLookup } from './queries/job-lookup.js';

/** Jobs: what users command of them, and what ends with them. */
@Module({
  imports: [TasksModule],
  controllers: [JobListsController, JobsController, WholeJobsController, JobHistoryController, JobAttendant],
  providers: [
    ...provideProjection(DATABASE, JobsProjection),
    provideReadBarrier(JobBarrier, JOBS),
    provideShortnames(JOB_SHORTNAMES, JOB_NAMES),
    JobCommits,
    JobRoom,
    JobReservations,
    CreateJob,
    RepeatJob,
    RepetitionPool,
    StagedTasks,
    EndJob,
    JobEnds,
    JobExpiry,
    JobLists,
    JobLookup,
    JobHistory,
  ],
  exports: [JobLists],
})
export class JobsModule {
  constructor(places: TaskPlaces, lookup: JobLookup, toCome: TasksToCome, staged: StagedTasks) {
    toCome.areKeptBy((ids) => staged.among(ids));
    places.jobsAreKeptBy(async (owner, id) => {
      const job = await lookup.ofOwner(owner, id);
      return (
        job && {
          jobId: job.job_id,
          isActive: job.state === 'Active',
          useDependencies: job.use_dependencies,
          ...(job.pool_id === null ? {} : { poolId: job.pool_id }),
        }
      );
    });
  }
}
