import { Injectable } from '@nestjs/common';
import type { TaskCreation } from '@fornax/contracts';
import { contradictionIn, type TaskDependency, type TaskOutcome, type TaskSpec } from '@fornax/domain';
import type { Account, RequestContext } from '@fornax/identity';
import { Invalid, ValidationFailed } from '@fornax/base';
import { PoolsOfTasks, type PoolOfTask } from '../model/pools-of-tasks.js';
import type { CheckedSpec } from '../model/task-spec.js';
import { askedDependencies, type AskedDependency } from './asked-dependencies.js';
import { Neighbors } from './neighbors.js';
import type { Placed } from './placed.js';
import type { BulkItem, Sibling, SiblingTask } from './siblings.js';

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

  /** How those of the tasks ended that are over and still known. */
  endsOf(taskIds: readonly string[]): Promise<ReadonlyMap<string, TaskOutcome>> {
    return this.neighbors.outcomesOf(taskIds);
  }

  /** Waits until pools are as the log has them now, for a bounded time. */
  poolsCaughtUp(): Promise<boolean> {
    return this.pools.caughtUp();
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
    item?: BulkItem,
  ): Promise<Placed<CheckedSpec>> {
    const job = await this.jobOf(creation, account.id);
    const asked = askedDependencies(creation);
    const isOfJob = asked.find(({ as }) => as !== 'after');
    if (isOfJob && job?.useDependencies !== true)
      throw wrong('dependencies', 'Dependencies need a job that was created with useDependencies.');
    const spec: TaskSpec = { ...checked.spec, ...(job ? { jobId: job.jobId } : {}) };
    const waits = await Promise.all(asked.map((one) => this.waitFor(one, spec, account.id, item)));
    checkAgree(waits);
    item?.isPlaced({
      jobId: spec.jobId ?? null,
      projectUuid: spec.projectUuid ?? null,
      instances: spec.instances,
    });
    const made = { ...checked, spec };
    return {
      made,
      bind: async (id) => {
        item?.isNamed(id);
        if (waits.length === 0) return made;
        const dependencies = await Promise.all(waits.map(dependencyOf));
        return { ...made, spec: { ...spec, dependencies } };
      },
    };
  }

  private async jobOf({ jobUuid }: TaskCreation, owner: string): Promise<KnownJob | undefined> {
    if (jobUuid === undefined) return undefined;
    const job = await this.findJob?.(owner, jobUuid);
    if (!job) throw wrong('jobUuid', `No such job: ${jobUuid}`);
    if (!job.isActive) throw wrong('jobUuid', `The job ${jobUuid} takes no more tasks: it is not active.`);
    return job;
  }

  private async waitFor(
    asked: AskedDependency,
    spec: TaskSpec,
    owner: string,
    item: BulkItem | undefined,
  ): Promise<Wait> {
    const { reference, as, field } = asked;
    const sibling = item?.sibling(reference);
    const found = sibling ? await unrefused(sibling.placed, asked) : await this.neighbors.find(owner, reference);
    if (!found) throw wrong(field, `No such task: ${reference}`);
    if (as !== 'after' && found.jobId !== spec.jobId)
      throw wrong(field, `The task ${reference} is not in the same job.`);
    if (as === 'after' && found.projectUuid !== (spec.projectUuid ?? null))
      throw wrong(field, `The task ${reference} is not in the same project.`);
    if (asked.each === true && found.instances !== spec.instances)
      throw wrong(
        field.replace(/task$/, 'each'),
        `The task ${reference} has the instances ${found.instances}, and this one ${spec.instances}: each waits for the one of its number.`,
      );
    return { asked, task: sibling ?? (found as Sibling) };
  }
}

/** A task that is to be waited for: one that the log has, or one of the same request. */
interface Wait {
  readonly asked: AskedDependency;
  readonly task: Sibling | SiblingTask;
}

/** @throws ValidationFailed one task is waited for twice, with ends that exclude each other */
const checkAgree = (waits: readonly Wait[]): void => {
  const wait =
    waits[
      contradictionIn(
        waits.map(({ asked: { reference, on, each = false }, task }) => ({
          taskId: 'taskId' in task ? task.taskId : reference,
          on,
          each,
        })),
      ) ?? -1
    ];
  if (!wait) return;
  const { field, reference } = wait.asked;
  throw wrong(field, `The task ${reference} is waited for more than once, and no end of it satisfies all.`);
};

/** Resolves when the log has the task that is waited for. */
const dependencyOf = async ({ asked, task }: Wait): Promise<TaskDependency> => {
  const { on, as, each } = asked;
  const how = { on, as, ...(each === true ? { each } : {}) };
  if ('taskId' in task) return { taskId: task.taskId, ...how };
  await unrefused(task.logged, asked);
  return { taskId: await task.id, ...how };
};

const unrefused = async <T>(step: Promise<T>, { field, reference }: AskedDependency): Promise<T> => {
  try {
    return await step;
  } catch (error) {
    if (error instanceof Invalid) throw wrong(field, `The task ${reference} of this request was refused.`);
    throw error;
  }
};
