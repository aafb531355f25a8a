import { Inject, Injectable } from '@nestjs/common';
import { parseWireDuration, type JobCreation } from '@fornax/contracts';
import { jobDecider, type JobCommand, type JobEvent, type JobSpec, type JobState } from '@fornax/domain';
import type { Account, RequestContext } from '@fornax/identity';
import { ValidationFailed } from '@fornax/base';
import { Creations, PoolsOfTasks, unnamed, UnsettledCommands, type Batch, type BatchTask } from '@fornax/tasks';
import { JobBarrier } from '../model/jobs.projection.js';
import { JobCommits } from './job-commits.js';
import { JobReservations } from './job-places.js';
import { StagedTasks } from './staged-tasks.js';

const secondsIn = (duration: string | undefined): number => Math.floor((parseWireDuration(duration ?? 0) ?? 0) / 1_000);

/** What a creation asks for; zero stands for no limit. */
const specOf = (creation: JobCreation, jobId: string, poolId: string | undefined): JobSpec => {
  const { name, shortname, useDependencies, tags, autoDeleteOnCompletion } = creation;
  const maxWallTimeSeconds = secondsIn(creation.maxWallTime);
  const completionTimeToLiveSeconds = secondsIn(creation.completionTimeToLive);
  return {
    name,
    shortname: shortname === undefined || shortname === '' ? jobId : shortname,
    ...(poolId === undefined ? {} : { poolId }),
    useDependencies: useDependencies ?? false,
    tags: tags ?? [],
    ...(maxWallTimeSeconds > 0 ? { maxWallTimeSeconds } : {}),
    ...(completionTimeToLiveSeconds > 0 ? { completionTimeToLiveSeconds } : {}),
    ...(autoDeleteOnCompletion === true ? { autoDeleteOnCompletion } : {}),
  };
};

/** A job that somebody asks for. */
export interface AskedJob {
  readonly creation: JobCreation;
  /** What makes two requests the same one, of those that name the same key and way. */
  readonly body: unknown;
  /** What is asked for beside the body. */
  readonly way: readonly string[];
  /** Which of the things that one key may make; the way, if absent. */
  readonly route?: readonly string[];
  /** Its tasks, where it is created with them, under the job's id. */
  readonly tasksOf?: (jobId: string) => readonly BatchTask[];
  /** What is known to be wrong with them, by its field: it is told with all else that is. */
  readonly wrong?: FieldErrors;
}

type FieldErrors = ValidationFailed['errors'];

/** Creates jobs, and answers once a read shows them. */
@Injectable()
export class CreateJob {
  @Inject(StagedTasks) private readonly stagedTasks!: StagedTasks;
  private readonly creations: Creations<JobSpec, JobState, JobCommand, JobEvent>;

  constructor(
    unsettled: UnsettledCommands,
    reservations: JobReservations,
    commits: JobCommits,
    private readonly barrier: JobBarrier,
    private readonly pools: PoolsOfTasks,
  ) {
    this.creations = new Creations(unsettled, {
      kind: 'job',
      commits,
      nothing: { state: jobDecider.initial, sequence: 0 },
      reserve: ({ shortname }, id, mayContinue, { account }) =>
        reservations.reserve(account, shortname, id, mayContinue),
      ofMade: ({ shortname }, id) => reservations.ofMade(shortname, id),
      commandOf: (spec, jobId, owner) => ({ type: 'CreateJob', jobId, owner, spec }),
      shortnameOf: ({ shortname }) => shortname,
    });
  }

  /** @returns the job's id, once a read shows the job @throws ValidationFailed, Forbidden, Invalid */
  create(creation: JobCreation, context: RequestContext): Promise<string> {
    return this.createAsked({ creation, body: creation, way: ['create-job'], route: ['0'] }, context);
  }

  /**
   * Creates a job with all of its tasks, or nothing.
   * @returns the job's id, once a read shows the job and its tasks @throws ValidationFailed naming the fields, Forbidden, Invalid
   */
  async createAsked(asked: AskedJob, context: RequestContext): Promise<string> {
    const { body, way, route = way, tasksOf } = asked;
    let batch: Batch | undefined;
    const { id, sequence, reservation } = await this.creations.accept(
      {
        body,
        route,
        way,
        check: (jobId) => this.check(jobId, asked, context),
        place: (made) =>
          Promise.resolve({
            made,
            bind: async (jobId) => {
              if (tasksOf) batch = await this.stagedTasks.stage(jobId, body, tasksOf(jobId), context);
              return made;
            },
            reserved: () => batch ?? unnamed(''),
          }),
      },
      context,
    );
    try {
      await this.barrier.passed(sequence);
      if (tasksOf) await this.stagedTasks.unfoldOf(id, body);
      reservation.confirm();
      return id;
    } catch (error) {
      // The log has the job: its tasks will come to it, whoever takes them there.
      reservation.leaveUnknown();
      throw error;
    }
  }

  /** @throws ValidationFailed naming all fields that are wrong, those of its tasks too */
  private async check(jobId: string, asked: AskedJob, context: RequestContext): Promise<JobSpec> {
    const { creation, tasksOf, wrong = {} } = asked;
    const { poolId, refusal } = await this.openPoolOf(creation, context.account);
    const errors = { ...wrong, ...(refusal === undefined ? {} : { poolUuid: [refusal] }) };
    if (Object.keys(errors).length === 0) return specOf(creation, jobId, poolId);
    const ofTasks = tasksOf ? await this.stagedTasks.problemsOf(jobId, tasksOf(jobId), context) : {};
    throw new ValidationFailed({ ...ofTasks, ...errors });
  }

  private async openPoolOf(
    { poolUuid }: JobCreation,
    account: Account,
  ): Promise<{ readonly poolId?: string; readonly refusal?: string }> {
    if (poolUuid === undefined) return {};
    const pool = await this.pools.find(account, poolUuid);
    if (!pool) return { refusal: `No such pool: ${poolUuid}` };
    return pool.isOpen
      ? { poolId: pool.poolId }
      : { refusal: `The pool ${poolUuid} is closed: it takes no new tasks.` };
  }
}
