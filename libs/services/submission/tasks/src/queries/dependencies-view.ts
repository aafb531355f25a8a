import type { WireTask } from '@fornax/contracts';
import { verdictOf, verdictOfAll, type DependencyVerdict, type TaskOutcome, type TaskState } from '@fornax/domain';

/** How tasks ended that others wait for; those that are not in it have not, or nobody knows any more. */
export type Outcomes = ReadonlyMap<string, TaskOutcome>;

const STATES = {
  waiting: 'waiting',
  fulfilled: 'dependencyConditionsFulfilled',
  notFulfilled: 'dependencyConditionsNotFulfilled',
} as const satisfies Record<DependencyVerdict, string>;

/** What was decided holds for good; until then what is known of the others counts. */
const outcomesIn = ({ isHeld, dependencyEnds }: TaskState, known: Outcomes): Outcomes =>
  isHeld ? known : new Map(dependencyEnds.map(({ taskId, outcome }) => [taskId, outcome]));

/** Each task that this one waits for or waited for, and what became of it. */
export const dependencyViews = (fold: TaskState, known: Outcomes): WireTask['fornax']['dependencies'] => {
  const outcomes = outcomesIn(fold, known);
  return (fold.spec.dependencies ?? []).map((dependency) => {
    const { taskId, on, as } = dependency;
    const outcome = outcomes.get(taskId);
    return {
      taskUuid: taskId,
      on: [...on],
      as,
      state: STATES[verdictOf(dependency, outcome)],
      actualFinalState: outcome ?? null,
    };
  });
};

/** As clients read it (contract, section 3.9); null where there are none. */
export const dependenciesView = (fold: TaskState, known: Outcomes): WireTask['dependencies'] => {
  const { dependencies = [] } = fold.spec;
  if (dependencies.length === 0) return null;
  const views = dependencyViews(fold, known);
  const outcomes = outcomesIn(fold, known);
  return {
    dependsOn: views.flatMap(({ taskUuid, as }) => (as === 'dependsOn' ? [taskUuid] : [])),
    advancedDependsOn: views.flatMap(({ taskUuid, as, on, state, actualFinalState }) =>
      as === 'advancedDependsOn' ? [{ taskUuid, taskFinalStateCondition: on, state, actualFinalState }] : [],
    ),
    state: STATES[verdictOfAll(dependencies, (taskId) => outcomes.get(taskId))],
  };
};
