import { Injectable } from '@nestjs/common';
import type { WireRights } from '@fornax/contracts';
import { AccountDirectory, rightsTo, type Account, type Need } from '@fornax/identity';
import { Forbidden, Gathered, NotFound, Unavailable } from '@fornax/base';
import { InjectDatabase, isId, isIdOrName, TasksOfJobs } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { ALL_JOB_COLUMNS, rowOf, type JobRecord, type JobRow } from '../model/job-row.js';
import { JobBarrier } from '../model/jobs.projection.js';

/** Most jobs asked for in one statement. */
const MOST_AT_ONCE = 1_000;
const OF_OWNERS = `SELECT DISTINCT ON (w.at) w.at::int AS at, job.*
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(owner, id, at)
  JOIN job ON job.owner = w.owner AND (job.job_id = w.id OR job.shortname = w.id)
  ORDER BY w.at, job.job_id = w.id DESC, created_ms DESC`;

interface Wanted {
  readonly owner: string;
  readonly id: string;
}

/** Finds one job by its id or by the name its owner gave it; one of somebody else is like none, except to those who look after it and to members of the project that all of its tasks lie in, by its id. */
@Injectable()
export class JobLookup {
  private readonly finding = new Gathered((wanted: readonly Wanted[]) => this.rowsOf(wanted), { most: MOST_AT_ONCE });

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly barrier: JobBarrier,
    private readonly accounts: AccountDirectory,
    private readonly tasks: TasksOfJobs,
  ) {}

  /**
   * @throws NotFound
   * @throws Unavailable the rows are too far behind to say that there is none
   * @throws Forbidden it may be looked at, but not that
   */
  async find(account: Account, id: string, need: Need = 'look'): Promise<JobRow> {
    const found = isIdOrName(id) ? await this.read(account, id) : undefined;
    // A job itself lies in no project.
    const project = found && found.owner !== account.id ? await this.tasks.projectOf(found.job_id) : undefined;
    if (!found || !this.accounts.reaches(account, found.owner, 'look', project))
      throw new NotFound(`No such job: ${id}`, { code: 'job-not-found' });
    if (!this.accounts.reaches(account, found.owner, need, project))
      throw new Forbidden(`Only its owner may do this with job ${found.job_id}`, { code: 'not-the-owner' });
    return found;
  }

  /** Whose a job is, and what may be done with it. @throws as `find` */
  async rights(account: Account, id: string): Promise<WireRights> {
    const { job_id: jobId, owner } = await this.find(account, id);
    const projectUuid = owner === account.id ? undefined : await this.tasks.projectOf(jobId);
    return rightsTo(this.accounts, account, { owner, projectUuid });
  }

  /** A job of this owner alone. Tasks of a bulk ask together. @returns undefined when there is none */
  async ofOwner(owner: string, id: string): Promise<JobRow | undefined> {
    const now = await this.finding.ask({ owner, id });
    if (now) return now;
    // One that another process made a moment ago is found all the same.
    await this.barrier.caughtUp();
    return (await this.finding.ask({ owner, id })) ?? undefined;
  }

  private async rowsOf(wanted: readonly Wanted[]): Promise<readonly (JobRow | null)[]> {
    const distinct = new Map(wanted.map((one) => [JSON.stringify([one.owner, one.id]), one]));
    const keys = [...distinct.keys()];
    const asked = [...distinct.values()];
    const records = await this.db.query<(JobRecord & { readonly at: number })[]>(OF_OWNERS, [
      asked.map(({ owner }) => owner),
      asked.map(({ id }) => id),
    ]);
    const found = new Map(records.map(({ at, ...record }) => [keys[at - 1], rowOf(record)]));
    return wanted.map(({ owner, id }) => found.get(JSON.stringify([owner, id])) ?? null);
  }

  private async read(account: Account, id: string): Promise<JobRow | undefined> {
    const isAnybodys = this.accounts.seesOthers(account);
    const found = await this.row(account.id, id, isAnybodys);
    if (found) return found;
    const isCaughtUp = await this.barrier.caughtUp();
    const again = await this.row(account.id, id, isAnybodys);
    if (again || isCaughtUp) return again;
    throw new Unavailable(`Whether there is a job ${id} cannot be said yet: what is shown is behind. Try again.`, {
      code: 'behind',
    });
  }

  private async row(owner: string, id: string, isAnybodys: boolean): Promise<JobRow | undefined> {
    const [record] = await this.db.query<JobRecord[]>(
      `SELECT ${ALL_JOB_COLUMNS} FROM job WHERE (job_id = $2 AND (owner = $1 OR $3)) OR (owner = $1 AND shortname = $4)
       ORDER BY job_id = $2 DESC, created_ms DESC LIMIT 1`,
      [owner, isId(id) ? id.toLowerCase() : id, isAnybodys, id],
    );
    return record && rowOf(record);
  }
}
