import { verdictOfAll, type DependencyEnd, type TaskDependency, type TaskOutcome } from '@fornax/domain';

/** A task that waits for others. */
interface Held {
  readonly dependencies: readonly TaskDependency[];
  readonly outcomes: Map<string, TaskOutcome>;
}

/** A task whose dependencies are decided by these ends. */
export interface Settled {
  readonly taskId: string;
  readonly ends: readonly DependencyEnd[];
}

/**
 * Which tasks wait for which, by either end, so that the end of a task costs as much as it has dependants. It holds the edges of tasks that wait,
 * and nothing of those that do not any more.
 */
export class DependencyBook {
  private readonly held = new Map<string, Held>();
  private readonly dependants = new Map<string, Set<string>>();

  /** How many tasks wait for others. */
  get size(): number {
    return this.held.size;
  }

  /** A task waits for others. Repeating it changes nothing. */
  hold(taskId: string, dependencies: readonly TaskDependency[]): void {
    if (this.held.has(taskId)) return;
    this.held.set(taskId, { dependencies, outcomes: new Map() });
    for (const dependency of dependencies) {
      const waiting = this.dependants.get(dependency.taskId);
      if (waiting) waiting.add(taskId);
      else this.dependants.set(dependency.taskId, new Set([taskId]));
    }
  }

  /** A task does not wait for others any more. */
  release(taskId: string): void {
    const held = this.held.get(taskId);
    if (!held) return;
    this.held.delete(taskId);
    for (const dependency of held.dependencies) {
      const waiting = this.dependants.get(dependency.taskId);
      waiting?.delete(taskId);
      if (waiting?.size === 0) this.dependants.delete(dependency.taskId);
    }
  }

  /** A task has ended. @returns its dependants that are decided now */
  ended(taskId: string, outcome: TaskOutcome): readonly Settled[] {
    return [...(this.dependants.get(taskId) ?? [])].flatMap((dependant) => {
      const held = this.held.get(dependant);
      if (!held) return [];
      held.outcomes.set(taskId, outcome);
      return this.settled(dependant);
    });
  }

  /** The task with all ends that are known, if they decide it. */
  settled(taskId: string): readonly Settled[] {
    const held = this.held.get(taskId);
    if (!held) return [];
    const { dependencies, outcomes } = held;
    if (verdictOfAll(dependencies, (id) => outcomes.get(id)) === 'waiting') return [];
    return [{ taskId, ends: [...outcomes].map(([id, outcome]) => ({ taskId: id, outcome })) }];
  }

  /** Tasks that a task still waits for. */
  awaitedBy(taskId: string): readonly string[] {
    const held = this.held.get(taskId);
    if (!held) return [];
    return [...new Set(held.dependencies.map((one) => one.taskId))].filter((id) => !held.outcomes.has(id));
  }

  /** Tasks that some task still waits for. */
  awaited(): Iterable<string> {
    return this.dependants.keys();
  }
}
