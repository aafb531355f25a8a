import type { RecordedCommit, WireTask } from '@fornax/contracts';
import type { TaskEvent } from '@fornax/domain';
import { createServiceDataSource } from '@fornax/projections';
import type { CoreConfig } from '@fornax/service-kit';
import { AT, createTestDatabase } from '@fornax/testing';
import { TASK_MIGRATIONS } from '../migrations/task-migrations.js';
import { countTasks } from '../model/task-counts.js';
import { insertCompleted, statusOf, upsertTasks } from '../model/task-rows.js';
import { applyTaskCommit, type CompletedInstance, type TaskStatus } from '../model/task-status.js';
import { PatternQueries } from './pattern-queries.js';
import { TaskLists } from './task-lists.js';
import { taskView } from './task-view.js';

/** Lists over rows that were folded from events, without the service around them. */
export interface ListHarness {
  readonly lists: TaskLists;
  /** Each history is the events of one task. @returns how the tasks look to a client */
  store(...histories: readonly (readonly TaskEvent[])[]): Promise<readonly WireTask[]>;
  query(sql: string): Promise<unknown>;
  close(): Promise<void>;
}

export const startLists = async (): Promise<ListHarness> => {
  const database = await createTestDatabase();
  const db = await createServiceDataSource({
    url: database.url,
    schema: 'submission',
    migrations: [...TASK_MIGRATIONS],
  });
  const patterns = new PatternQueries({ databaseUrl: database.url } as CoreConfig);
  const lists = new TaskLists(db, patterns, { statusesOf: async (records) => records.map(statusOf) });
  let sequence = 0;

  const folded = (events: readonly TaskEvent[]) => {
    let status: TaskStatus | null = null;
    const completed: CompletedInstance[] = [];
    const first = events[0];
    const taskId = first?.type === 'TaskSubmitted' ? first.taskId : '';
    for (const event of events) {
      const commit: RecordedCommit<TaskEvent> = {
        id: `c${sequence}`,
        events: [event],
        meta: { actor: 'service:test', source: 's', correlationId: 'c' },
        at: AT,
        sequence: ++sequence,
        aggregate: 'task',
        aggregateId: taskId,
      };
      const change = applyTaskCommit(status ?? undefined, commit);
      status = change.status;
      completed.push(...change.completed);
    }
    return { status, completed };
  };

  return {
    lists,
    store: async (...histories) => {
      const tasks = histories.map(folded);
      const statuses = tasks.map(({ status }) => status).filter((status) => status !== null);
      await db.transaction(async (tx) => {
        await upsertTasks(tx, statuses, new Map());
        await countTasks(tx, new Map(), statuses, []);
        await insertCompleted(
          tx,
          tasks.flatMap(({ completed }) => completed),
        );
      });
      const ended = await lists.completed(
        statuses.map(({ taskId }) => taskId),
        1_000,
      );
      return statuses.map((status) => taskView(status, ended.get(status.taskId) ?? [], Date.now(), []));
    },
    query: (sql) => db.query(sql),
    close: async () => {
      await patterns.beforeApplicationShutdown();
      await db.destroy();
      await database.drop();
    },
  };
};
