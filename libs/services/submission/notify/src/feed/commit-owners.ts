import { Inject, Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import type { EventLog } from '@fornax/event-store';
import { EVENT_LOG } from '@fornax/service-kit';
import { KnownTasks, type KnownTask } from '@fornax/tasks';

const MOST_CACHED = 50_000;

const keyOf = ({ aggregate, aggregateId }: RecordedCommit): string => `${aggregate}/${aggregateId}`;

/** The object that a commit is about, and its owner, as the first commit of a task, of a snapshot, of a job, of a pool, of credits or of a budget names them. */
const named = (commit: RecordedCommit | undefined): KnownTask | undefined => {
  for (const event of commit?.events ?? []) {
    if (event.type === 'TaskSubmitted' || event.type === 'SnapshotTriggered')
      return { taskId: event.taskId, owner: event.owner };
    if (event.type === 'JobCreated') return { taskId: event.jobId, owner: event.owner };
    if (event.type === 'PoolCreated') return { taskId: event.poolId, owner: event.owner };
    if (event.type === 'CreditsGranted') return { taskId: event.accountId, owner: event.accountId };
    if (event.type === 'BudgetCreated') return { taskId: event.budgetId, owner: event.owner };
  }
  return undefined;
};

/**
 * Whose a commit is, and which task, job or pool it is about. Only its first commit says so; of the others memory tells, then
 * the rows, then the log (for tasks that were deleted). Neither ever changes, so what is known stays true.
 */
@Injectable()
export class CommitOwners {
  private readonly known = new Map<string, KnownTask>();

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly tasks: KnownTasks,
  ) {}

  /** @returns by commit; those about no task are left out */
  async of(commits: readonly RecordedCommit[]): Promise<ReadonlyMap<RecordedCommit, KnownTask>> {
    for (const commit of commits) {
      const task = named(commit);
      if (task) this.remember(keyOf(commit), task);
    }
    const unknown = new Map(
      commits.filter((commit) => !this.known.has(keyOf(commit))).map((commit) => [keyOf(commit), commit]),
    );
    const found = new Map<string, KnownTask>();
    if (unknown.size > 0) await this.lookUp([...unknown.values()], found);
    const owners = new Map<RecordedCommit, KnownTask>();
    for (const commit of commits) {
      const task = this.known.get(keyOf(commit)) ?? found.get(keyOf(commit));
      if (task) owners.set(commit, task);
    }
    for (const [key, task] of found) this.remember(key, task);
    return owners;
  }

  private async lookUp(commits: readonly RecordedCommit[], found: Map<string, KnownTask>): Promise<void> {
    const tasks = commits.filter(({ aggregate }) => aggregate === 'task').map(({ aggregateId }) => aggregateId);
    for (const task of await this.tasks.ownersOf(tasks)) found.set(`task/${task.taskId}`, task);
    for (const commit of commits) {
      if (found.has(keyOf(commit))) continue;
      const [first] = await this.log.readAggregate(commit.aggregate, commit.aggregateId, 0, 1);
      const task = named(first);
      if (task) found.set(keyOf(commit), task);
    }
  }

  private remember(key: string, task: KnownTask): void {
    this.known.delete(key);
    this.known.set(key, task);
    for (const oldest of this.known.keys()) {
      if (this.known.size <= MOST_CACHED) break;
      this.known.delete(oldest);
    }
  }
}
