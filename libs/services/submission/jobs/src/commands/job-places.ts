import { Inject, Injectable } from '@nestjs/common';
import { maxJobsOf } from '@fornax/domain';
import type { Account } from '@fornax/identity';
import type { Clock } from '@fornax/base';
import { CLOCK, outsideOfRequests } from '@fornax/service-kit';
import { both, InjectDatabase, PlaceQuota, Shortnames, unnamed, type Reservation } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import type { JobRow } from '../model/job-row.js';
import { JobBarrier } from '../model/jobs.projection.js';
import { JobCommits } from './job-commits.js';

/** Most jobs deleted for one request. */
const MAX_AT_ONCE = 1_000;

/** The names of jobs. */
export const JOB_SHORTNAMES = Symbol('fornax.job-shortnames');

/** Deletes completed jobs that their owner declared as of no more use (`autoDeleteOnCompletion`). Their tasks stay. */
@Injectable()
export class JobRoom {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly commits: JobCommits,
    private readonly barrier: JobBarrier,
  ) {}

  /** Deletes up to `places` such jobs, those first that were completed first. @returns how many are gone, once the rows show it */
  async make(owner: string, places: number): Promise<number> {
    const rows = await this.db.query<Pick<JobRow, 'job_id' | 'owner'>[]>(
      `SELECT job_id, owner FROM job WHERE owner = $1 AND auto_delete AND state = 'Completed'
       ORDER BY state_ms, job_id LIMIT $2`,
      [owner, Math.min(places, MAX_AT_ONCE)],
    );
    const sequences = await outsideOfRequests(() =>
      Promise.all(rows.map((row) => this.commits.decideForOwner(row, { type: 'DeleteJob', withTasks: false }))),
    );
    await this.barrier.passed(Math.max(0, ...sequences));
    return rows.length;
  }
}

/** Reserves what a new job needs: a place in its owner's quota, and its name. */
@Injectable()
export class JobReservations {
  private readonly places: PlaceQuota;

  constructor(
    @InjectDatabase() db: DataSource,
    room: JobRoom,
    @Inject(JOB_SHORTNAMES) private readonly names: Shortnames,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.places = new PlaceQuota(db, clock, {
      countSql: 'SELECT count(*) AS count FROM job WHERE owner = $1 AND job_id <> ALL($2::text[])',
      makeRoom: (owner, places) => room.make(owner, places),
      refusal: { message: 'Maximum number of jobs reached', code: 'quota-jobs' },
    });
  }

  /** @throws Forbidden the quota is used up @throws Invalid the account has a job of this name */
  async reserve(account: Account, shortname: string, id: string, mayContinue: boolean): Promise<Reservation> {
    const { id: owner, quotas } = account;
    const place = await this.places.reserve(owner, maxJobsOf(quotas), id);
    try {
      const name = shortname === id ? unnamed(id) : await this.names.reserve({ owner, shortname, id }, mayContinue);
      return both(place, name);
    } catch (error) {
      await place.release();
      throw error;
    }
  }

  /** What an earlier request holds that has made the job. */
  ofMade(shortname: string, id: string): Reservation {
    return shortname === id ? unnamed(id) : this.names.ofSubmitted(id);
  }
}
