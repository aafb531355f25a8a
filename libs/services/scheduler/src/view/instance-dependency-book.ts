import { instanceEndsOf, type InstanceEnds, type TaskDependency, type TaskState } from '@fornax/domain';

/**
 * Which tasks wait instance by instance for which, by either end. How the instances of a task that is under way have ended is in its own fold; of
 * one that is over, the book keeps the sets as long as somebody waits for it.
 */
export class InstanceDependencyBook {
  private readonly awaitedBy = new Map<string, readonly string[]>();
  private readonly dependants = new Map<string, Set<string>>();
  private readonly over = new Map<string, InstanceEnds>();

  /** How many tasks have instances that wait for others. */
  get size(): number {
    return this.awaitedBy.size;
  }

  /** Instances of a task wait for the same ones of others. Repeating it changes nothing. */
  hold(taskId: string, dependencies: readonly TaskDependency[]): void {
    if (this.awaitedBy.has(taskId)) return;
    const awaited = [...new Set(dependencies.map((one) => one.taskId))];
    this.awaitedBy.set(taskId, awaited);
    for (const id of awaited) {
      const waiting = this.dependants.get(id);
      if (waiting) waiting.add(taskId);
      else this.dependants.set(id, new Set([taskId]));
    }
  }

  /** No instance of the task waits for others any more. */
  release(taskId: string): void {
    for (const id of this.awaitedBy.get(taskId) ?? []) {
      const waiting = this.dependants.get(id);
      waiting?.delete(taskId);
      if (waiting?.size !== 0) continue;
      this.dependants.delete(id);
      this.over.delete(id);
    }
    this.awaitedBy.delete(taskId);
  }

  /** A task is over. @returns those that wait for its instances */
  ended(state: TaskState): readonly string[] {
    if (this.dependants.has(state.taskId)) this.over.set(state.taskId, instanceEndsOf(state));
    return this.of(state.taskId);
  }

  /** Tasks whose instances wait for those of this one. */
  of(taskId: string): readonly string[] {
    return [...(this.dependants.get(taskId) ?? [])];
  }

  /** All that have instances that wait for others. */
  held(): Iterable<string> {
    return this.awaitedBy.keys();
  }

  /** Tasks that the instances of a task wait for, and of which nothing is known but what a fold of them says. */
  unknownTo(taskId: string): readonly string[] {
    return (this.awaitedBy.get(taskId) ?? []).filter((id) => !this.over.has(id));
  }

  /** How the instances that those of a task wait for have ended. @param stateOf the fold of a task that is under way */
  endsFor(taskId: string, stateOf: (id: string) => TaskState | undefined): readonly InstanceEnds[] {
    return (this.awaitedBy.get(taskId) ?? []).flatMap((id) => {
      const state = stateOf(id);
      return this.over.get(id) ?? (state ? instanceEndsOf(state) : []);
    });
  }
}
