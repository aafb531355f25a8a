import type { NodeHardwareFacts } from '@fornax/domain';
import type { TaskError } from './task-status.js';

/** A row of `completed_instance`. */
export interface CompletedRecord {
  readonly task_id: string;
  readonly instance: number;
  readonly outcome: 'success' | 'failure' | 'cancelled';
  readonly attempt: number;
  readonly wall_ms: string;
  readonly execution_ms: string;
  readonly peak_memory_mb: number;
  /** With the frequency that was measured while the instance ran, if one was. */
  readonly hardware: NodeHardwareFacts;
  readonly error: TaskError | null;
  /** What its user should know though it is no failure. */
  readonly notes: readonly string[];
  /** Paths of its first results, relative to the folder of results. */
  readonly results: readonly string[];
  /** The folder of its results, with a slash at its end; null: that of its task. */
  readonly folder: string | null;
  readonly uploaded_files: number;
}
