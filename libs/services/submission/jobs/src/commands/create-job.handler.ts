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
}

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
  async createAsked({ creation, body, way, route = way, tasksOf }: AskedJob, context: RequestContext): Promise<string> {
    let batch: Batch | undefined;
    const { id, sequence, reservation } = await this.creations.accept(
      {
        body,
        route,
        way,
        check: async (jobId) => specOf(creation, jobId, await this.openPoolOf(creation, context.account)),
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

  /** @throws ValidationFailed no such pool, or it takes no new tasks */
  private async openPoolOf({ poolUuid }: JobCreation, account: Account): Promise<string | undefined> {
    if (poolUuid === undefined) return undefined;
    const pool = await this.pools.find(account, poolUuid);
    if (!pool) throw new ValidationFailed({ poolUuid: [`No such pool: ${poolUuid}`] });
    if (!pool.isOpen)
      throw new ValidationFailed({ poolUuid: [`The pool ${poolUuid} is closed: it takes no new tasks.`] });
    return pool.poolId;
  }
}
