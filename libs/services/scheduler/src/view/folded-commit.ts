import type { RecordedCommit } from '@fornax/contracts';
import type { TaskEntry } from './task-entry.js';

/** One commit of a task, and the task before and after it. */
export interface FoldedCommit {
  readonly before: TaskEntry;
  readonly after: TaskEntry;
  readonly commit: RecordedCommit;
}
