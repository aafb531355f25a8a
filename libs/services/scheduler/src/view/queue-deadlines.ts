interface Deadline {
  readonly taskId: string;
  readonly at: number;
}

/** Stale entries that are tolerated before the heap is made anew. */
const SLACK = 1_000;

/**
 * When tasks have waited for too long, soonest first: a binary heap in which a task's older entries are left behind and skipped, so that a
 * change costs the logarithm of the number of waiting tasks that have a limit, and one without a limit costs nothing.
 */
export class QueueDeadlines {
  private readonly current = new Map<string, number>();
  private heap: Deadline[] = [];

  /** @param at milliseconds; null when the task does not wait, or may wait for ever */
  put(taskId: string, at: number | null): void {
    if (at === null) {
      this.current.delete(taskId);
      return;
    }
    if (this.current.get(taskId) === at) return;
    this.current.set(taskId, at);
    this.push({ taskId, at });
    if (this.heap.length > 2 * this.current.size + SLACK) this.rebuild();
  }

  /** The soonest deadline of all, or undefined without any. */
  next(): number | undefined {
    for (let first = this.heap[0]; first; first = this.heap[0]) {
      if (this.current.get(first.taskId) === first.at) return first.at;
      this.pop();
    }
    return undefined;
  }

  /** Removes and returns the tasks whose deadline has come. */
  take(now: number): readonly string[] {
    const due: string[] = [];
    for (let at = this.next(); at !== undefined && at <= now; at = this.next()) {
      const taskId = this.pop();
      if (taskId === undefined) break;
      this.current.delete(taskId);
      due.push(taskId);
    }
    return due;
  }

  private rebuild(): void {
    this.heap = [...this.current].map(([taskId, at]) => ({ taskId, at })).sort((a, b) => a.at - b.at);
  }

  private push(entry: Deadline): void {
    let index = this.heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.atOf(parent) <= entry.at) break;
      this.swap(index, parent);
      index = parent;
    }
  }

  private pop(): string | undefined {
    const first = this.heap[0];
    const last = this.heap.pop();
    if (first === undefined || last === undefined || this.heap.length === 0) return first?.taskId;
    this.heap[0] = last;
    for (let index = 0; ;) {
      const left = 2 * index + 1;
      const least = [left, left + 1].reduce(
        (best, child) => (this.atOf(child) < this.atOf(best) ? child : best),
        index,
      );
      if (least === index) return first.taskId;
      this.swap(index, least);
      index = least;
    }
  }

  private atOf(index: number): number {
    return this.heap[index]?.at ?? Infinity;
  }

  private swap(a: number, b: number): void {
    const [first, second] = [this.heap[a], this.heap[b]];
    if (first && second) [this.heap[a], this.heap[b]] = [second, first];
  }
}
