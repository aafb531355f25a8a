import { Injectable } from '@nestjs/common';
import { int32 } from '@fornax/contracts';
import { maxJobsOf, maxPoolsOf, maxRunningPoolsOf } from '@fornax/domain';
import type { Account } from '@fornax/identity';
import { JobLists } from '@fornax/jobs';
import { PoolLists } from '@fornax/pools';
import { RunningCounts } from '@fornax/tasks';

/** Counts the tasks, jobs and pools of an account, beside how many it may have (contract, section 3.24). */
@Injectable()
export class HeldObjects {
  constructor(
    private readonly running: RunningCounts,
    private readonly jobs: JobLists,
    private readonly pools: PoolLists,
  ) {}

  async of({ id, quotas }: Account) {
    const [tasks, jobs, pools] = await Promise.all([
      this.running.tasksOf(id),
      this.jobs.count(id),
      this.pools.count(id),
    ]);
    return {
      maxTask: int32(quotas.maxTasks),
      taskCount: int32(tasks.tasks),
      maxJob: int32(maxJobsOf(quotas)),
      jobCount: int32(jobs),
      maxPool: int32(maxPoolsOf(quotas)),
      poolCount: int32(pools.total),
      maxRunningTask: int32(quotas.maxTasks),
      runningTaskCount: int32(tasks.runningTasks),
      maxRunningPool: int32(maxRunningPoolsOf(quotas)),
      runningPoolCount: int32(pools.running),
    };
  }
}
