import type { NamedTasks } from '@fornax/client';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';

/** Names the tasks that rows are about; nothing for none, and for a platform that does not say. */
export const printTasks = (io: Io, tasks: NamedTasks | undefined): void => {
  if (tasks === undefined || tasks.count === 0) return;
  io.print(`Tasks that these rows are about (${tasks.count}):`);
  for (const id of tasks.ids) io.print(`  ${harmlessLine(id)}`);
  if (tasks.count > tasks.ids.length) io.print(`  and ${tasks.count - tasks.ids.length} more`);
};
