import { Invalid } from '@fornax/base';
import type { TaskRepetition } from '@fornax/contracts';
import { verdictOf, type TaskDependency, type TaskOutcome, type TaskState } from '@fornax/domain';

/** The task that is run again, as far as what it waited for is about it. */
export interface Repeated {
  readonly state: TaskState;
  readonly changes: TaskRepetition;
  readonly isInItsJob: boolean;
  /** Whether all of its instances run again. */
  readonly isWhole: boolean;
  /** How tasks that it waited for ended, those that are over and still known. */
  readonly outcomes: ReadonlyMap<string, TaskOutcome>;
}

/**
 * The tasks that a retry, resume or recover waits for: those that its origin still waited for, and those that let it start and are still there. What the
 * request names takes their place.
 * @throws Invalid one of them has ended otherwise, or cannot be waited for from where the copy is
 */
export const leftDependencies = (of: Repeated): readonly TaskDependency[] => {
  const { state, outcomes } = of;
  const ends = new Map(state.dependencyEnds.map(({ taskId, outcome }) => [taskId, outcome]));
  return inherited(of).filter((one) => {
    const { taskId } = one;
    const verdict = verdictOf(one, ends.get(taskId) ?? outcomes.get(taskId));
    if (verdict === 'notFulfilled') throw refusal(state, taskId, 'did not end as it was to');
    const canWait = (one.as === 'after' || of.isInItsJob) && (one.each !== true || of.isWhole);
    if (verdict === 'fulfilled') return canWait && verdictOf(one, outcomes.get(taskId)) === 'fulfilled';
    if (!canWait) throw refusal(state, taskId, 'cannot be waited for by this copy');
    return true;
  });
};

const inherited = ({ state, changes }: Repeated): readonly TaskDependency[] => {
  const { dependencies = [] } = state.spec;
  return dependencies.filter(({ as }) => (as === 'after' ? changes.fornax?.after : changes.dependencies) === undefined);
};

const refusal = ({ taskId }: TaskState, other: string, what: string): Invalid =>
  new Invalid(
    `Task ${taskId} waited for task ${other}, which ${what}: name in \`dependencies\` or \`fornax.after\` what the copy is to wait for, or nothing`,
    { code: 'dependency-not-fulfilled' },
  );
