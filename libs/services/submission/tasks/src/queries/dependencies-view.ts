import type { WireTask } from '@fornax/contracts';
import {
  decidedVerdictOf,
  decidedVerdictOfAll,
  dependencyFactsOf,
  wholeOf,
  type DependencyFacts,
  type DependencyVerdict,
  type TaskDependency,
  type TaskOutcome,
  type TaskState,
} from '@fornax/domain';

/** How tasks ended that others wait for; those that are not in it have not, or nobody knows any more. */
export type Outcomes = ReadonlyMap<string, TaskOutcome>;

/** What clients read of a dependency (contract, section 3.9). */
export const DEPENDENCY_STATES = {
  waiting: 'waiting',
  fulfilled: 'dependencyConditionsFulfilled',
  notFulfilled: 'dependencyConditionsNotFulfilled',
} as const satisfies Record<DependencyVerdict, string>;

/** How the other one ended. Of one that instances wait for one by one, only what was decided about these counts. */
const outcomeOf = (
  { ends }: DependencyFacts,
  { taskId, each }: TaskDependency,
  known: Outcomes,
): TaskOutcome | undefined =>
  ends.find((end) => end.taskId === taskId)?.outcome ?? (each === true ? undefined : known.get(taskId));

/** Tasks of which nothing is noted that this one waits for, or waited for: how they ended, they tell themselves. */
export const unnotedDependencies = ({ spec, dependencyEnds }: TaskState): readonly string[] => {
  const noted = new Set(dependencyEnds.map(({ taskId }) => taskId));
  return wholeOf(spec.dependencies ?? []).flatMap(({ taskId }) => (noted.has(taskId) ? [] : [taskId]));
};

/** Each task that this one waits for or waited for, and what became of it. */
export const dependencyViews = (fold: TaskState, known: Outcomes): WireTask['fornax']['dependencies'] => {
  const facts = dependencyFactsOf(fold);
  return (fold.spec.dependencies ?? []).map((dependency) => {
    const { taskId, on, as, each = false } = dependency;
    return {
      taskUuid: taskId,
      on: [...on],
      as,
      each,
      state: DEPENDENCY_STATES[decidedVerdictOf(facts, dependency, known.get(taskId))],
      actualFinalState: outcomeOf(facts, dependency, known) ?? null,
    };
  });
};

/** As clients read it (contract, section 3.9); null where there are none. */
export const dependenciesView = (fold: TaskState, known: Outcomes): WireTask['dependencies'] => {
  const { dependencies = [] } = fold.spec;
  if (dependencies.length === 0) return null;
  const views = dependencyViews(fold, known);
  const facts = dependencyFactsOf(fold);
  return {
    dependsOn: views.flatMap(({ taskUuid, as }) => (as === 'dependsOn' ? [taskUuid] : [])),
    advancedDependsOn: views.flatMap(({ taskUuid, as, on, state, actualFinalState }) =>
      as === 'advancedDependsOn' ? [{ taskUuid, taskFinalStateCondition: on, state, actualFinalState }] : [],
    ),
    state: DEPENDENCY_STATES[decidedVerdictOfAll(facts, dependencies, (taskId) => known.get(taskId))],
  };
};
