import type { EntityManager } from 'typeorm';
import type { TaskStatus } from './task-status.js';

const ADD = `INSERT INTO task_count (owner, tasks) SELECT * FROM unnest($1::text[], $2::bigint[])
  ON CONFLICT (owner) DO UPDATE SET tasks = task_count.tasks + excluded.tasks`;

/** An owner without tasks has no row, however that came about: a rebuild folds other batches than the live projection did. */
const DROP_EMPTY = 'DELETE FROM task_count WHERE owner = ANY($1) AND tasks = 0';

/**
 * Keeps the number of tasks of each owner.
 * @param before the batch's tasks that had a row
 * @param kept those that have one now
 * @param gone ids of those that have none any more
 */
export const countTasks = async (
  tx: EntityManager,
  before: ReadonlyMap<string, TaskStatus>,
  kept: readonly TaskStatus[],
  gone: readonly string[],
): Promise<void> => {
  const changes = new Map<string, number>();
  const add = (owner: string, tasks: number): void => void changes.set(owner, (changes.get(owner) ?? 0) + tasks);
  for (const { taskId, fold } of kept) if (!before.has(taskId)) add(fold.owner, 1);
  for (const taskId of gone) {
    const task = before.get(taskId);
    if (task) add(task.fold.owner, -1);
  }
  if (changes.size === 0) return;
  const owners = [...changes.keys()].sort();
  await tx.query(ADD, [owners, owners.map((owner) => changes.get(owner) ?? 0)]);
  if (gone.length > 0) await tx.query(DROP_EMPTY, [owners]);
};
