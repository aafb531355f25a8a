import { Injectable } from '@nestjs/common';
import { wireDuration, type JobCreation, type JobRepetition } from '@fornax/contracts';
import {
  instanceEndsOf,
  isOver,
  outcomeOf,
  repeatedOf,
  type OriginKind,
  type RepeatedTask,
  type TaskOutcome,
} from '@fornax/domain';
import type { RequestContext } from '@fornax/identity';
import { derivedIdInOrder, eachLimited, Forbidden, Invalid } from '@fornax/base';
import { RepeatTask, TasksOfJobs, type BatchTask, type TaskStatus } from '@fornax/tasks';
import type { JobRow } from '../model/job-row.js';
import { RepetitionRoom } from '../model/repetition-room.js';
import { JobLookup } from '../queries/job-lookup.js';
import { CreateJob } from './create-job.handler.js';
import { RepetitionPool } from './repetition-pool.js';

/** Tasks read together: each may be 300 KB. */
const AT_ONCE = 100;
/** Tables of parameters read at once. */
const TABLES_AT_ONCE = 16;

/** What a copy of a task asks for, and what it has of its origin. */
type Copy = Pick<BatchTask, 'creation' | 'source'>;

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
    private readonly pools: RepetitionPool,
  ) {}

  /** @returns the new job's id, once a read shows it and its tasks @throws NotFound, Invalid, and what a creation throws */
  repeat(kind: OriginKind, id: string, changes: JobRepetition, context: RequestContext): Promise<string> {
    return this.copies.withCurrent(() => this.repeatOnce(kind, id, changes, context));
  }

  private async repeatOnce(
    kind: OriginKind,
    id: string,
    changes: JobRepetition,
    context: RequestContext,
  ): Promise<string> {
    const job = await this.lookup.find(context.account, id);
    if (job.owner !== context.account.id)
      throw new Forbidden(`Only its owner may do this with job ${job.job_id}`, { code: 'not-the-owner' });
    const statuses = await this.statusesOf(job.job_id);
    const unfinished = statuses.filter(({ fold }) => !isOver(fold)).length;
    if (kind !== 'clone' && unfinished > 0)
      throw new Invalid(
        `The job ${job.job_id} has ${unfinished} tasks that are not over: ${kind} needs one whose tasks all are`,
        { code: 'job-not-over' },
      );
    const repeated = repeatedIn(kind, statuses);
    if (repeated.length === 0)
      throw new Invalid(`The job ${job.job_id} has no tasks to ${kind}`, { code: 'nothing-to-repeat' });
    const pool = await this.pools.of(poolsOf(job, repeated, statuses), changes.pool, context.account);
    const tasksOf = tasksLike(repeated, await this.copiesOf(job.job_id, repeated, statuses), pool);
    const creation = creationOf(job);
    return this.creations.createAsked(
      { creation: inPool(creation, pool), body: changes, way: [`${kind}-job`, job.job_id], tasksOf },
      context,
    );
  }

  private async copiesOf(
    jobId: string,
    repeated: readonly RepeatedTask[],
    statuses: readonly TaskStatus[],
  ): Promise<ReadonlyMap<string, Copy>> {
    const byId = new Map(statuses.map((status) => [status.taskId, status]));
    const copies = new Map<string, Copy>();
    const room = new RepetitionRoom(jobId);
    await eachLimited(repeated, TABLES_AT_ONCE, async ({ taskId, kind }) => {
      const status = byId.get(taskId);
      if (!status) return;
      const copy = await this.copies.copyOf(kind, status, {}, { isInItsJob: false });
      room.take(copy.source?.table?.rows ?? []);
      copies.set(taskId, copy);
    });
    return copies;
  }

  private async statusesOf(jobId: string): Promise<readonly TaskStatus[]> {
    const ids = (await this.tasks.shape(jobId)).map(({ taskId }) => taskId);
    const statuses: TaskStatus[] = [];
    const room = new RepetitionRoom(jobId);
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      const part = await this.tasks.whole(ids.slice(from, from + AT_ONCE));
      room.take(part.map(({ fold }) => fold.spec));
      statuses.push(...part);
    }
    return statuses;
  }
}

/** Where the job ran, and those of its tasks that run again. */
const poolsOf = (
  job: JobRow,
  repeated: readonly RepeatedTask[],
  statuses: readonly TaskStatus[],
): ReadonlySet<string> => {
  const again = new Set(repeated.map(({ taskId }) => taskId));
  const ofTasks = statuses.flatMap(({ taskId, fold }) => (again.has(taskId) ? [fold.spec.poolUuid] : []));
  return new Set([job.pool_id ?? undefined, ...ofTasks].filter((id) => id !== undefined));
};

/** What ran in a pool runs in this one. @param pool undefined: in its own */
const inPool = <C extends { readonly poolUuid?: string | undefined }>(creation: C, pool: string | undefined): C =>
  pool === undefined || creation.poolUuid === undefined ? creation : { ...creation, poolUuid: pool };

/** The copies as tasks of one job: they wait for one another where their origins did. */
const tasksLike =
  (repeated: readonly RepeatedTask[], copies: ReadonlyMap<string, Copy>, pool: string | undefined) =>
  (jobId: string): readonly BatchTask[] => {
    const places = new Map(repeated.map(({ taskId }, place) => [taskId, place]));
    const idOf = (taskId: string): string => {
      const place = copies.has(taskId) ? places.get(taskId) : undefined;
      return place === undefined ? taskId : derivedIdInOrder(['task-of-job', jobId], place, taskId);
    };
    return repeated.flatMap(({ taskId, dependencies }) => {
      const copy = copies.get(taskId);
      const waits = dependencies.map((one) => ({ ...one, taskId: idOf(one.taskId) }));
      if (!copy) return [];
      const creation = inPool(copy.creation, pool);
      return [{ ...copy, creation, taskId: idOf(taskId), path: `task ${taskId}`, dependencies: waits }];
    });
  };

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
      return { taskId, outcome: outcomeOf(fold), instances: instanceEndsOf(fold), couldNotStart, dependencies };
    }),
    ends,
  );
};
