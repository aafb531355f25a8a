import { classKeyOf, classOf, olderFirst, sizeOf, type QueueEntry, type WaitingClass } from '@fornax/domain';

/** The tasks of one class, of which some come and go. */
class EquivalentTasks {
  private entries = new Map<string, QueueEntry>();
  private lastOrder = 0;
  private isSorted = true;

  get size(): number {
    return this.entries.size;
  }

  put(entry: QueueEntry): void {
    if (!this.entries.has(entry.taskId)) {
      // A task that waits again, for a retry say, is older than those that came meanwhile.
      if (entry.order < this.lastOrder) this.isSorted = false;
      this.lastOrder = Math.max(this.lastOrder, entry.order);
    }
    this.entries.set(entry.taskId, entry);
  }

  delete(taskId: string): void {
    this.entries.delete(taskId);
  }

  inOrder(): Iterable<QueueEntry> {
    if (!this.isSorted) {
      this.entries = new Map([...this.entries].sort(([, a], [, b]) => olderFirst(a, b)));
      this.isSorted = true;
    }
    return this.entries.values();
  }
}

/**
 * Tasks with instances that wait for room, by equivalence class. A round needs to see only as much of a class as it could place, so its cost
 * does not grow with the length of the queue.
 */
export class WaitingQueue {
  private readonly tasks = new Map<string, { readonly entry: QueueEntry; readonly classKey: string }>();
  private readonly classes = new Map<string, EquivalentTasks>();
  private instances = 0;

  /** Tasks in the queue. */
  get size(): number {
    return this.tasks.size;
  }

  /** Instances that wait, of all tasks. */
  get waitingInstances(): number {
    return this.instances;
  }

  has(taskId: string): boolean {
    return this.tasks.has(taskId);
  }

  /** The class of a queued task, to look up what is true for the whole class. */
  classKeyOf(taskId: string): string | undefined {
    return this.tasks.get(taskId)?.classKey;
  }

  /** The classes that have tasks in the queue. */
  classKeys(): Iterable<string> {
    return this.classes.keys();
  }

  put(entry: QueueEntry): void {
    const known = this.tasks.get(entry.taskId);
    this.instances += sizeOf(entry.waiting) - (known ? sizeOf(known.entry.waiting) : 0);
    const classKey = known?.classKey ?? classKeyOf(entry);
    this.tasks.set(entry.taskId, { entry, classKey });
    let group = this.classes.get(classKey);
    if (!group) this.classes.set(classKey, (group = new EquivalentTasks()));
    group.put(entry);
  }

  delete(taskId: string): void {
    const known = this.tasks.get(taskId);
    if (!known) return;
    this.tasks.delete(taskId);
    this.instances -= sizeOf(known.entry.waiting);
    const group = this.classes.get(known.classKey);
    group?.delete(taskId);
    if (group?.size === 0) this.classes.delete(known.classKey);
  }

  /** The classes, each with its oldest tasks that together have at least `instances` waiting, without those left out. */
  front(instances: number, isLeftOut: (taskId: string) => boolean): readonly WaitingClass[] {
    return [...this.classes].flatMap(([key, group]) => {
      const entries: QueueEntry[] = [];
      let left = instances;
      for (const entry of group.inOrder()) {
        if (left <= 0) break;
        if (isLeftOut(entry.taskId)) continue;
        entries.push(entry);
        left -= sizeOf(entry.waiting);
      }
      return classOf(key, entries) ?? [];
    });
  }
}
