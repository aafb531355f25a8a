/** The deadline of one task. */
export interface QueueDeadline {
  readonly taskId: string;
  /** The instant in the log that the task may wait until. */
  readonly at: number;
}

interface Entry extends QueueDeadline {
  /** When that has come, by the clock of whoever waits for it. */
  readonly due: number;
  readonly limitMs: number;
}

/** @returns when an instant will have come, by the clock of whoever waits for it, at most `limitMs` from now */
type DueOf = (at: number, limitMs: number) => number;

/** Stale entries that are tolerated before the heap is made anew. */
const SLACK = 1_000;

/**
 * When tasks have waited for too long, soonest first: a binary heap in which a task's older entries are left behind and skipped, so that a
 * change costs the logarithm of the number of waiting tasks that have a limit, and one without a limit costs nothing.
 */
export class QueueDeadlines {
  private readonly current = new Map<string, Entry>();
  private heap: Entry[] = [];
  private dueOf: DueOf = (at) => at;

  /** From now on deadlines are due by another clock than that of the instants, those that are known included. */
  measure(dueOf: DueOf): void {
    this.dueOf = dueOf;
    for (const [taskId, entry] of this.current)
      this.current.set(taskId, { ...entry, due: dueOf(entry.at, entry.limitMs) });
    this.rebuild();
  }

  /** @param at milliseconds; null when the task does not wait, or may wait for ever */
  put(taskId: string, at: number | null, limitMs = Infinity): void {
    if (at === null) {
      this.current.delete(taskId);
      return;
    }
    if (this.current.get(taskId)?.at === at) return;
    const entry = { taskId, at, limitMs, due: this.dueOf(at, limitMs) };
    this.current.set(taskId, entry);
    this.push(entry);
    if (this.heap.length > 2 * this.current.size + SLACK) this.rebuild();
  }

  /** When the soonest of all is due, or undefined without any. */
  next(): number | undefined {
    for (let first = this.heap[0]; first; first = this.heap[0]) {
      if (this.current.get(first.taskId) === first) return first.due;
      this.pop();
    }
    return undefined;
  }

  /** Removes and returns what is due. */
  take(now: number): readonly QueueDeadline[] {
    const due: QueueDeadline[] = [];
    for (let at = this.next(); at !== undefined && at <= now; at = this.next()) {
      const entry = this.pop();
      if (entry === undefined) break;
      this.current.delete(entry.taskId);
      due.push({ taskId: entry.taskId, at: entry.at });
    }
    return due;
  }

  private rebuild(): void {
    this.heap = [...this.current.values()].sort((a, b) => a.due - b.due);
  }

  private push(entry: Entry): void {
    let index = this.heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.dueAt(parent) <= entry.due) break;
      this.swap(index, parent);
      index = parent;
    }
  }

  private pop(): Entry | undefined {
    const first = this.heap[0];
    const last = this.heap.pop();
    if (first === undefined || last === undefined || this.heap.length === 0) return first;
    this.heap[0] = last;
    for (let index = 0; ;) {
      const left = 2 * index + 1;
      const least = [left, left + 1].reduce(
        (best, child) => (this.dueAt(child) < this.dueAt(best) ? child : best),
        index,
      );
      if (least === index) return first;
      this.swap(index, least);
      index = least;
    }
  }

  private dueAt(index: number): number {
    return this.heap[index]?.due ?? Infinity;
  }

  private swap(a: number, b: number): void {
    const [first, second] = [this.heap[a], this.heap[b]];
    if (first && second) [this.heap[a], this.heap[b]] = [second, first];
  }
}
