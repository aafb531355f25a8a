import type { TaskCreation } from '@fornax/contracts';
import type { TaskDependency, TaskOutcome } from '@fornax/domain';

/** A dependency as it was asked for: the other task by its id or its shortname. */
export interface AskedDependency extends Omit<TaskDependency, 'taskId'> {
  readonly reference: string;
  /** Where in the request it stands. */
  readonly field: string;
}

const ANY: readonly TaskOutcome[] = ['success', 'failure', 'cancelled'];

/** All that a task is to wait for (contract, sections 3.9 and 4.8): success where nothing else is said, any end where the list of ends is empty. */
export const askedDependencies = ({ dependencies, fornax }: TaskCreation): readonly AskedDependency[] => [
  ...(dependencies?.dependsOn ?? []).map((reference, index): AskedDependency => {
    return { reference, on: ['success'], as: 'dependsOn', field: `dependencies.dependsOn[${index}]` };
  }),
  ...(dependencies?.advancedDependsOn ?? []).map(
    ({ taskUuid, taskFinalStateCondition: on = [] }, index): AskedDependency => {
      const field = `dependencies.advancedDependsOn[${index}].taskUuid`;
      return { reference: taskUuid, on: on.length === 0 ? ANY : [...new Set(on)], as: 'advancedDependsOn', field };
    },
  ),
  ...(fornax?.after ?? []).map(({ task, on = 'success', each = false }, index): AskedDependency => {
    const field = `fornax.after[${index}].task`;
    return { reference: task, on: on === 'any' ? ANY : [on], as: 'after', ...(each ? { each } : {}), field };
  }),
];
