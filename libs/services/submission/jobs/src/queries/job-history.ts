import { Inject, Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import type { EventLog } from '@fornax/event-store';
import { AccountDirectory, type Account } from '@fornax/identity';
import { NotFound } from '@fornax/base';
import { EVENT_LOG } from '@fornax/service-kit';
import { isId, wireEventsOf, wireEventSchema } from '@fornax/tasks';
import { z } from 'zod';
import { JobLookup } from './job-lookup.js';

export const jobHistorySchema = z.object({ jobId: z.string(), events: z.array(wireEventSchema) });
export type JobHistoryAnswer = z.output<typeof jobHistorySchema>;

const ownerIn = (commit: RecordedCommit | undefined): string | undefined => {
  for (const event of commit?.events ?? []) if (event.type === 'JobCreated') return event.owner;
  return undefined;
};

/** Reads what happened to a job from the log, deleted ones too, by id. Jobs have a handful of events, so there are no pages. */
@Injectable()
export class JobHistory {
  constructor(
    private readonly lookup: JobLookup,
    private readonly accounts: AccountDirectory,
    @Inject(EVENT_LOG) private readonly log: EventLog,
  ) {}

  /** @param id id or shortname @throws NotFound */
  async read(account: Account, id: string): Promise<JobHistoryAnswer> {
    const jobId = await this.idOf(account, id);
    const commits = await this.log.readAggregate('job', jobId);
    const owner = ownerIn(commits[0]);
    if (owner === undefined || !this.accounts.reaches(account, owner, 'look'))
      throw new NotFound(`No such job: ${id}`, { code: 'job-not-found' });
    return { jobId, events: commits.flatMap((commit) => wireEventsOf(commit, { owner })) };
  }

  private async idOf(account: Account, id: string): Promise<string> {
    try {
      return (await this.lookup.find(account, id)).job_id;
    } catch (error) {
      if (error instanceof NotFound && isId(id)) return id.toLowerCase();
      throw error;
    }
  }
}
