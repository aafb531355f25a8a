import { Injectable } from '@nestjs/common';
import type { TaskCreation } from '@fornax/contracts';
import type { TaskDependency, TaskSpec } from '@fornax/domain';
import type { Account, RequestContext } from '@fornax/identity';
import { Invalid, NotBuilt, ValidationFailed } from '@fornax/base';
import { PoolsOfTasks, type PoolOfTask } from '../model/pools-of-tasks.js';
import type { CheckedSpec } from '../model/task-spec.js';
import { askedDependencies, type AskedDependency } from './asked-dependencies.js';
import { Neighbors } from './neighbors.js';
import type { Sibling, Siblings } from './siblings.js';

/** A job, as far as tasks that are to belong to it need it. */
export interface KnownJob {
  readonly jobId: string;
  readonly isActive: boolean;
  readonly useDependencies: boolean;
  /** The pool that all of its tasks run in. */
  readonly poolId?: string;
}

/** Finds jobs. @returns undefined when the account has no such job */
export type FindJob = (owner: string, id: string) => Promise<KnownJob | undefined>;

const wrong = (field: string, text: string): ValidationFailed => new ValidationFailed({ [field]: [text] });

/** Decides where new tasks belong: their job and pool, and the tasks that they wait for. Whoever keeps jobs says so here. */
@Injectable()
export class TaskPlaces {
  private findJob: FindJob | undefined;

  constructor(
    private readonly neighbors: Neighbors,
    private readonly pools: PoolsOfTasks,
  ) {}

  jobsAreKeptBy(findJob: FindJob): void {
    this.findJob = findJob;
  }

  /** Whether a task may come to this job; also to none. */
  async takesTasks(owner: string, jobId: string | undefined): Promise<boolean> {
    return jobId === undefined || (await this.findJob?.(owner, jobId))?.isActive === true;
  }

  /**
   * The pool that a task is to run in: its job's, or else the one that it names (contract, section 3.1). `pool` is left out where there is no such one.
   * @throws ValidationFailed it names another one than its job has
   */
  async poolOf(
    { poolUuid, jobUuid }: TaskCreation,
    account: Account,
  ): Promise<{ readonly poolUuid?: string; readonly pool?: PoolOfTask }> {
    // A job that there is not is told by `place`.
    const job = jobUuid === undefined ? undefined : await this.findJob?.(account.id, jobUuid);
    const asked = poolUuid ?? job?.poolId;
    if (asked === undefined) return {};
    const pool = await this.pools.find(account, asked);
    if (pool && job?.poolId !== undefined && pool.poolId !== job.poolId)
      throw wrong('poolUuid', 'A task runs in the pool of its job: leave it out.');
    return { poolUuid: asked, ...(pool ? { pool } : {}) };
  }

  /**
   * The specification with its job and with the tasks that it waits for, all of which the log has.
   * @throws ValidationFailed naming the field: no such job or task, one that is over or elsewhere, or a job without dependencies
   */
  async place(
    checked: CheckedSpec,
    creation: TaskCreation,
    { account }: RequestContext,
    siblings?: Siblings,
  ): Promise<CheckedSpec> {
    if (creation.fornax?.after?.some(({ each }) => each === true) === true)
      throw new NotBuilt('A dependency of each instance on the same one of another task');
    const job = await this.jobOf(creation, account.id);
    const asked = askedDependencies(creation);
    const isOfJob = asked.find(({ as }) => as !== 'after');
    if (isOfJob && job?.useDependencies !== true)
      throw wrong('dependencies', 'Dependencies need a job that was created with useDependencies.');
    const spec: TaskSpec = { ...checked.spec, ...(job ? { jobId: job.jobId } : {}) };
    if (asked.length === 0) return { ...checked, spec };
    const dependencies = await Promise.all(asked.map((one) => this.dependencyOn(one, spec, account.id, siblings)));
    return { ...checked, spec: { ...spec, dependencies } };
  }

  private async jobOf({ jobUuid }: TaskCreation, owner: string): Promise<KnownJob | undefined> {
    if (jobUuid === undefined) return undefined;
    const job = await this.findJob?.(owner, jobUuid);
    if (!job) throw wrong('jobUuid', `No such job: ${jobUuid}`);
    if (!job.isActive) throw wrong('jobUuid', `The job ${jobUuid} takes no more tasks: it is not active.`);
    return job;
  }

  private async dependencyOn(
    { reference, on, as, field }: AskedDependency,
    spec: TaskSpec,
    owner: string,
    siblings: Siblings | undefined,
  ): Promise<TaskDependency> {
    const found = await this.siblingOrTask(reference, field, owner, siblings);
    if (!found) throw wrong(field, `No such task: ${reference}`);
    if (as !== 'after' && found.jobId !== spec.jobId)
      throw wrong(field, `The task ${reference} is not in the same job.`);
    if (as === 'after' && found.projectUuid !== (spec.projectUuid ?? null))
      throw wrong(field, `The task ${reference} is not in the same project.`);
    return { taskId: found.taskId, on, as };
  }

  private async siblingOrTask(
    reference: string,
    field: string,
    owner: string,
    siblings: Siblings | undefined,
  ): Promise<Sibling | undefined> {
    const sibling = siblings?.of(reference);
    if (!sibling) return this.neighbors.find(owner, reference);
    try {
      return await sibling;
    } catch (error) {
      if (error instanceof Invalid) throw wrong(field, `The task ${reference} of this request was refused.`);
      throw error;
    }
  }
}
