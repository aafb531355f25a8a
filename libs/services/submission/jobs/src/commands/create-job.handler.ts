import { Injectable } from '@nestjs/common';
import { parseWireDuration, type JobCreation } from '@fornax/contracts';
import { jobDecider, type JobCommand, type JobEvent, type JobSpec, type JobState } from '@fornax/domain';
import type { Account, RequestContext } from '@fornax/identity';
import { ValidationFailed } from '@fornax/base';
import { Creations, PoolsOfTasks, UnsettledCommands } from '@fornax/tasks';
import { JobBarrier } from '../model/jobs.projection.js';
import { JobCommits } from './job-commits.js';
import { JobReservations } from './job-places.js';

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

/** Creates jobs, and answers once a read shows them. */
@Injectable()
export class CreateJob {
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
  async create(creation: JobCreation, context: RequestContext): Promise<string> {
    const { id, sequence, reservation } = await this.creations.accept(
      {
        body: creation,
        route: ['0'],
        way: ['create-job'],
        check: async (jobId) => specOf(creation, jobId, await this.openPoolOf(creation, context.account)),
      },
      context,
    );
    await this.barrier.passed(sequence);
    reservation.confirm();
    return id;
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
