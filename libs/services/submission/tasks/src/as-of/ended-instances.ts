import {
  executionMsOf,
  folderIn,
  hardwareAsRun,
  notesIn,
  resultsIn,
  type CompletedInstance,
} from '../model/task-status.js';
import type { CompletedRecord } from '../model/completed-record.js';

/** Ended instances listed of a task that is read alone, and of each of several: an answer stays one that a client can poll. */
export const MOST_ENDED = { alone: 10_000, among: 1_000 } as const;

/** A completed instance as its row has it. */
const recordOf = ({ taskId, end, wallMs, error }: CompletedInstance): CompletedRecord => ({
  task_id: taskId,
  instance: end.instance,
  outcome: end.outcome,
  attempt: end.attempt,
  wall_ms: String(Math.round(wallMs)),
  execution_ms: String(Math.round(executionMsOf(end))),
  peak_memory_mb: end.peakMemoryMB ?? 0,
  hardware: hardwareAsRun(end),
  error,
  notes: notesIn(end),
  results: resultsIn(end),
  folder: folderIn(end),
  uploaded_files: end.uploadedFiles,
});

const byImportance = (a: CompletedRecord, b: CompletedRecord): number =>
  Number(a.outcome === 'success') - Number(b.outcome === 'success') || a.instance - b.instance;

/**
 * Gathers the ended instances of one task as the lists show them: failed ones before successful ones, `most` at most, by number.
 * Holds a few times `most` however many are added.
 */
export class EndedInstances {
  private kept: CompletedRecord[] = [];

  constructor(private readonly most: number) {}

  add(completed: readonly CompletedInstance[]): void {
    for (const instance of completed) this.kept.push(recordOf(instance));
    if (this.kept.length > 4 * this.most) this.cut();
  }

  records(): readonly CompletedRecord[] {
    this.cut();
    return this.kept.toSorted((a, b) => a.instance - b.instance);
  }

  private cut(): void {
    this.kept = this.kept.toSorted(byImportance).slice(0, this.most);
  }
}
