import { Inject, Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import type { EventLog } from '@fornax/event-store';
import { AccountDirectory, type Account } from '@fornax/identity';
import { NotFound, type Clock } from '@fornax/base';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import {
  isId,
  ObjectAsOf,
  objectIn,
  wireEventsOf,
  wireEventSchema,
  type AsOf,
  type KnownObject,
  type PastObject,
} from '@fornax/tasks';
import { z } from 'zod';
import { rowAfterCommit, type JobRow } from '../model/job-row.js';
import { JobLookup } from './job-lookup.js';

export const jobHistorySchema = z.object({ jobId: z.string(), events: z.array(wireEventSchema) });
export type JobHistoryAnswer = z.output<typeof jobHistorySchema>;

/** What the log knows of a job. */
interface KnownJob {
  readonly about: KnownObject;
  readonly commits: readonly RecordedCommit[];
}

/** Reads from the log what happened to a job and how it stood, deleted ones too, by id. Jobs have a handful of events, so there are no pages. */
@Injectable()
export class JobHistory {
  private readonly past: ObjectAsOf<JobRow>;

  constructor(
    private readonly lookup: JobLookup,
    private readonly accounts: AccountDirectory,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.past = new ObjectAsOf({ aggregate: 'job', apply: rowAfterCommit }, log, clock);
  }

  /** @param id id or shortname @throws NotFound */
  async read(account: Account, id: string): Promise<JobHistoryAnswer> {
    const { about, commits } = await this.known(account, id);
    return { jobId: about.id, events: commits.flatMap((commit) => wireEventsOf(commit, about)) };
  }

  /** The job itself, without its tasks. @param id id or shortname @throws NotFound also where it did not exist yet, or not any more @throws ValidationFailed */
  async asOf(account: Account, id: string, moment: AsOf): Promise<PastObject<JobRow>> {
    const { about } = await this.known(account, id);
    return this.past.read(about.id, moment);
  }

  private async known(account: Account, id: string): Promise<KnownJob> {
    const { jobId, isSeen } = await this.idOf(account, id);
    const commits = await this.log.readAggregate('job', jobId);
    const about = objectIn(commits[0]);
    if (!about || !(isSeen || this.accounts.reaches(account, about.owner, 'look')))
      throw new NotFound(`No such job: ${id}`, { code: 'job-not-found' });
    return { about, commits };
  }

  /** Nobody knows any more in which project the tasks of a deleted one were. */
  private async idOf(account: Account, id: string): Promise<{ readonly jobId: string; readonly isSeen: boolean }> {
    try {
      return { jobId: (await this.lookup.find(account, id)).job_id, isSeen: true };
    } catch (error) {
      if (error instanceof NotFound && isId(id)) return { jobId: id.toLowerCase(), isSeen: false };
      throw error;
    }
  }
}
