import { Inject, Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import type { EventLog } from '@fornax/event-store';
import { EVENT_LOG } from '@fornax/service-kit';
import { KnownTasks, objectIn, objectInLog, type KnownObject } from '@fornax/tasks';

const MOST_CACHED = 50_000;

const keyOf = ({ aggregate, aggregateId }: RecordedCommit): string => `${aggregate}/${aggregateId}`;

/**
 * Whose a commit is, and which task, job or pool it is about. Only its first commit says so; of the others memory tells, then
 * the rows, then the log (for tasks that were deleted). Neither ever changes, so what is known stays true.
 */
@Injectable()
export class CommitOwners {
  private readonly known = new Map<string, KnownObject>();

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly tasks: KnownTasks,
  ) {}

  /** @returns by commit; those about no task are left out */
  async of(commits: readonly RecordedCommit[]): Promise<ReadonlyMap<RecordedCommit, KnownObject>> {
    for (const commit of commits) {
      const task = objectIn(commit);
      if (task) this.remember(keyOf(commit), task);
    }
    const unknown = new Map(
      commits.filter((commit) => !this.known.has(keyOf(commit))).map((commit) => [keyOf(commit), commit]),
    );
    const found = new Map<string, KnownObject>();
    if (unknown.size > 0) await this.lookUp([...unknown.values()], found);
    const owners = new Map<RecordedCommit, KnownObject>();
    for (const commit of commits) {
      const task = this.known.get(keyOf(commit)) ?? found.get(keyOf(commit));
      if (task) owners.set(commit, task);
    }
    for (const [key, task] of found) this.remember(key, task);
    return owners;
  }

  private async lookUp(commits: readonly RecordedCommit[], found: Map<string, KnownObject>): Promise<void> {
    const tasks = commits.filter(({ aggregate }) => aggregate === 'task').map(({ aggregateId }) => aggregateId);
    for (const task of await this.tasks.ownersOf(tasks)) found.set(`task/${task.id}`, task);
    for (const commit of commits) {
      if (found.has(keyOf(commit))) continue;
      const task = await objectInLog(this.log, commit.aggregate, commit.aggregateId);
      if (task) found.set(keyOf(commit), task);
    }
  }

  private remember(key: string, task: KnownObject): void {
    this.known.delete(key);
    this.known.set(key, task);
    for (const oldest of this.known.keys()) {
      if (this.known.size <= MOST_CACHED) break;
      this.known.delete(oldest);
    }
  }
}
