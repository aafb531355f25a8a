import { Injectable } from '@nestjs/common';
import { wireDuration, type JobCreation } from '@fornax/contracts';
import { isOver, outcomeOf, repeatedOf, type OriginKind, type RepeatedTask, type TaskOutcome } from '@fornax/domain';
import type { RequestContext } from '@fornax/identity';
import { derivedId, Forbidden, Invalid } from '@fornax/base';
import { RepeatTask, TasksOfJobs, type BatchTask, type TaskStatus } from '@fornax/tasks';
import type { JobRow } from '../model/job-row.js';
import { JobLookup } from '../queries/job-lookup.js';
import { CreateJob } from './create-job.handler.js';

/** Tasks read together. */
const AT_ONCE = 1_000;

const durationOf = (seconds: number | null): string | undefined =>
  seconds === null ? undefined : wireDuration(seconds * 1_000);

/** The creation that would make this job again; its shortname stays with it. */
const creationOf = (job: JobRow): JobCreation => ({
  name: job.name,
  poolUuid: job.pool_id ?? undefined,
  useDependencies: job.use_dependencies,
  tags: [...job.tags],
  maxWallTime: durationOf(job.max_wall_s),
  completionTimeToLive: durationOf(job.keep_s),
  autoDeleteOnCompletion: job.auto_delete,
});

/** Makes a job of another one of the same owner: copies of its tasks, or of those that did not succeed, which wait for each other as those do. */
@Injectable()
export class RepeatJob {
  constructor(
    private readonly lookup: JobLookup,
    private readonly tasks: TasksOfJobs,
    private readonly copies: RepeatTask,
    private readonly creations: CreateJob,
  ) {}

  /** @returns the new job's id, once a read shows it and its tasks @throws NotFound, Invalid, and what a creation throws */
  async repeat(kind: OriginKind, id: string, context: RequestContext): Promise<string> {
    const job = await this.lookup.find(context.account, id);
    if (job.owner !== context.account.id)
      throw new Forbidden(`Only its owner may do this with job ${job.job_id}`, { code: 'not-the-owner' });
    const statuses = await this.statusesOf(job.job_id);
    const unfinished = statuses.filter(({ fold }) => !isOver(fold)).length;
    if (kind !== 'clone' && unfinished > 0)
      throw new Invalid(
        `The job ${job.job_id} has ${unfinished} tasks that are not over: ${kind} needs one whose tasks all are`,
        {
          code: 'job-not-over',
        },
      );
    const repeated = repeatedIn(kind, statuses);
    if (repeated.length === 0)
      throw new Invalid(`The job ${job.job_id} has no tasks to ${kind}`, { code: 'nothing-to-repeat' });
    const byId = new Map(statuses.map((status) => [status.taskId, status]));
    const copies = await Promise.all(repeated.map((one) => this.copyOf(one, byId)));
    const copied = new Set(repeated.map(({ taskId }) => taskId));
    return this.creations.createAsked(
      {
        creation: creationOf(job),
        body: {},
        way: [`${kind}-job`, job.job_id],
        tasksOf: (jobId) => {
          const idOf = (taskId: string): string =>
            copied.has(taskId) ? derivedId('task-of-job', jobId, taskId) : taskId;
          return repeated.map(({ taskId, dependencies }, at) => ({
            ...(copies[at] as Pick<BatchTask, 'creation' | 'source'>),
            taskId: idOf(taskId),
            path: `task ${taskId}`,
            dependencies: dependencies.map((one) => ({ ...one, taskId: idOf(one.taskId) })),
          }));
        },
      },
      context,
    );
  }

  private async copyOf(
    { taskId, kind }: RepeatedTask,
    byId: ReadonlyMap<string, TaskStatus>,
  ): Promise<Pick<BatchTask, 'creation' | 'source'>> {
    const status = byId.get(taskId);
    if (!status) throw new Error('a task that is repeated is one of the job');
    return this.copies.copyOf(kind, status, {}, false);
  }

  private async statusesOf(jobId: string): Promise<readonly TaskStatus[]> {
    const ids = (await this.tasks.shape(jobId)).map(({ taskId }) => taskId);
    const statuses: TaskStatus[] = [];
    for (let from = 0; from < ids.length; from += AT_ONCE)
      statuses.push(...(await this.tasks.whole(ids.slice(from, from + AT_ONCE))));
    return statuses;
  }
}

const repeatedIn = (kind: OriginKind, statuses: readonly TaskStatus[]): readonly RepeatedTask[] => {
  const ends = new Map<string, TaskOutcome>(
    statuses.flatMap(({ fold }) => fold.dependencyEnds.map(({ taskId, outcome }) => [taskId, outcome] as const)),
  );
  return repeatedOf(
    kind,
    statuses.map(({ taskId, fold }) => {
      const { dependencies = [] } = fold.spec;
      const endOf = new Map(fold.dependencyEnds.map((end) => [end.taskId, end.outcome]));
      const couldNotStart = dependencies.some((one) => {
        const outcome = endOf.get(one.taskId);
        return outcome !== undefined && !one.on.includes(outcome);
      });
      return { taskId, outcome: outcomeOf(fold), couldNotStart, dependencies };
    }),
    ends,
  );
};
