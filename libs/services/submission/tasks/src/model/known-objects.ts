import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import type { EventLog } from '@fornax/event-store';

/** A task, a job, a pool, credits or a budget that exists or existed. */
export interface KnownObject {
  readonly id: string;
  readonly owner: string;
  /** Of a task or a pool: the project that it lies in. */
  readonly projectUuid?: string | undefined;
}

/** What a commit is about, and whose that is, as the first one of a task, of a snapshot (it is about its task), of a job, of a pool, of credits or of a budget says. */
export const objectIn = (commit: RecordedCommit | undefined): KnownObject | undefined => {
  for (const event of commit?.events ?? []) {
    if (event.type === 'TaskSubmitted')
      return { id: event.taskId, owner: event.owner, projectUuid: event.spec.projectUuid };
    if (event.type === 'SnapshotTriggered') return { id: event.taskId, owner: event.owner };
    if (event.type === 'JobCreated') return { id: event.jobId, owner: event.owner };
    if (event.type === 'PoolCreated')
      return { id: event.poolId, owner: event.owner, projectUuid: event.spec.projectUuid };
    if (event.type === 'CreditsGranted') return { id: event.accountId, owner: event.accountId };
    if (event.type === 'BudgetCreated') return { id: event.budgetId, owner: event.owner };
  }
  return undefined;
};

/** The same of an object whose rows are gone: the log does not forget it. @returns undefined there never was one @throws LogUnavailable */
export const objectInLog = async (
  log: Pick<EventLog, 'readAggregate'>,
  aggregate: Aggregate,
  id: string,
): Promise<KnownObject | undefined> => objectIn((await log.readAggregate(aggregate, id, 0, 1))[0]);
