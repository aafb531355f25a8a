/** How a task ended, for those that depend on it. */
export type TaskOutcome = 'success' | 'failure' | 'cancelled';

/** A task that another one waits for. */
export interface TaskDependency {
  readonly taskId: string;
  /** Ends that let the other one start. */
  readonly on: readonly TaskOutcome[];
  /** How it was asked for: `dependsOn` and `advancedDependsOn` are those of a job (contract, section 3.9), `after` needs none. */
  readonly as: 'dependsOn' | 'advancedDependsOn' | 'after';
  /** Instance n waits for instance n of the other task, not for the task as a whole. */
  readonly each?: boolean;
}

/** How a dependency ended. */
export interface DependencyEnd {
  readonly taskId: string;
  readonly outcome: TaskOutcome;
}

/** What became of dependencies, one or all of a task: `notFulfilled` as soon as one has ended as it should not have. */
export type DependencyVerdict = 'waiting' | 'fulfilled' | 'notFulfilled';

/** @param outcome undefined while the task that is waited for has not ended */
export const verdictOf = ({ on }: TaskDependency, outcome: TaskOutcome | undefined): DependencyVerdict => {
  if (outcome === undefined) return 'waiting';
  return on.includes(outcome) ? 'fulfilled' : 'notFulfilled';
};

/** Those on tasks as a whole. */
export const wholeOf = (dependencies: readonly TaskDependency[]): readonly TaskDependency[] =>
  dependencies.filter(({ each }) => each !== true);

/** Those of each instance on the same one of another task. */
export const eachOf = (dependencies: readonly TaskDependency[]): readonly TaskDependency[] =>
  dependencies.filter(({ each }) => each === true);

/**
 * The place of the first dependency that cannot be fulfilled together with those before it, as they name other ends of the same task (or of the
 * same instances); undefined when there is none.
 */
export const contradictionIn = (
  dependencies: readonly Pick<TaskDependency, 'taskId' | 'on' | 'each'>[],
): number | undefined => {
  const ends = new Map<string, readonly TaskOutcome[]>();
  for (const [place, { taskId, on, each = false }] of dependencies.entries()) {
    const name = `${each} ${taskId}`;
    const common = (ends.get(name) ?? on).filter((end) => on.includes(end));
    if (common.length === 0) return place;
    ends.set(name, common);
  }
  return undefined;
};

/** What became of all of a task's dependencies on whole tasks. @param outcomeOf how a task ended; undefined: it has not */
export const verdictOfAll = (
  dependencies: readonly TaskDependency[],
  outcomeOf: (taskId: string) => TaskOutcome | undefined,
): DependencyVerdict => {
  return allOf(wholeOf(dependencies).map((dependency) => verdictOf(dependency, outcomeOf(dependency.taskId))));
};

/** What became of all, each of which became this. */
export const allOf = (each: readonly DependencyVerdict[]): DependencyVerdict => {
  const verdicts = new Set(each);
  if (verdicts.has('notFulfilled')) return 'notFulfilled';
  return verdicts.has('waiting') ? 'waiting' : 'fulfilled';
};
