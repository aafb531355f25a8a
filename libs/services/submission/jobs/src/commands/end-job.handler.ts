import { Injectable } from '@nestjs/common';
import type { RequestContext } from '@fornax/identity';
import { Forbidden } from '@fornax/base';
import { TasksOfJobs } from '@fornax/tasks';
import { JobBarrier } from '../model/jobs.projection.js';
import { JobLookup } from '../queries/job-lookup.js';
import { JobCommits } from './job-commits.js';
import { JobEnds } from './job-ends.js';

/** A job of so many tasks at most has told all of them to end when its request is answered. */
const FEW_TASKS = 200;

/** Ends and deletes jobs for their owners and those who look after them. */
@Injectable()
export class EndJob {
  constructor(
    private readonly lookup: JobLookup,
    private readonly commits: JobCommits,
    private readonly barrier: JobBarrier,
    private readonly tasks: TasksOfJobs,
    private readonly ends: JobEnds,
  ) {}

  /** Cancels what has not ended of a job's tasks; one that was terminated already stays as it is (contract, section 2.4). */
  async terminate(id: string, context: RequestContext): Promise<void> {
    const { job_id: jobId, owner } = await this.lookup.find(context.account, id, 'tend');
    await this.decide(jobId, owner, { type: 'TerminateJob', reason: 'user' }, context);
  }

  /**
   * Deletes a job, by force its tasks, too.
   * @throws Forbidden tasks of it are not over, and force is not used
   */
  async delete(id: string, isForced: boolean, context: RequestContext): Promise<void> {
    const { job_id: jobId, owner } = await this.lookup.find(context.account, id, 'tend');
    if (!isForced) {
      const { unfinished = 0 } = (await this.tasks.counts([jobId])).get(jobId) ?? {};
      if (unfinished > 0)
        throw new Forbidden(
          `The job ${jobId} has ${unfinished} tasks that are not over: you should use force to delete it with its tasks`,
          { code: 'job-has-tasks' },
        );
    }
    await this.decide(jobId, owner, { type: 'DeleteJob', withTasks: isForced }, context);
  }

  /**
   * Answers once the log has the decision. A job of few tasks is seen to here, so that whoever reads next finds them ended; those of a large one are
   * ended behind the answer, by whoever follows the log, also after a restart. A request that is sent again finds what it did done.
   */
  private async decide(
    id: string,
    owner: string,
    command: Parameters<JobCommits['decide']>[0]['command'],
    context: RequestContext,
  ): Promise<void> {
    await this.barrier.passed(await this.commits.decideOnRequest({ id, owner, command, context }));
    const { tasks = 0 } = (await this.tasks.counts([id])).get(id) ?? {};
    if (tasks <= FEW_TASKS) await this.ends.settleOne(id);
  }
}
