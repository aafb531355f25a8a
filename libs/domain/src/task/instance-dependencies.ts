import { difference, emptyRanges, intersection, lowest, union, type Ranges } from '../shared/ranges.js';
import {
  allOf,
  eachOf,
  verdictOf,
  type DependencyEnd,
  type DependencyVerdict,
  type TaskDependency,
  type TaskOutcome,
} from './dependencies.js';
import type { TaskState } from './task.state.js';

/** How the instances of a task have ended so far. */
export interface InstanceEnds {
  readonly taskId: string;
  readonly all: Ranges;
  readonly success: Ranges;
  readonly failure: Ranges;
  readonly cancelled: Ranges;
}

export const instanceEndsOf = ({ taskId, all, succeeded, failed, cancelled }: TaskState): InstanceEnds => ({
  taskId,
  all,
  success: succeeded,
  failure: failed,
  cancelled,
});

/** Instances that are not to start because of how the same one of another task ended. */
export interface UnmetInstances {
  readonly because: DependencyEnd;
  readonly instances: Ranges;
}

export interface SettledInstances {
  readonly released: Ranges;
  readonly unmet: readonly UnmetInstances[];
}

const OUTCOMES: readonly TaskOutcome[] = ['success', 'failure', 'cancelled'];

/** Instances whose condition is met. One that the other task does not have waits for nothing of it. */
const met = (held: Ranges, { on }: TaskDependency, ends: InstanceEnds): Ranges =>
  on.reduce((sum, outcome) => union(sum, ends[outcome]), difference(held, ends.all));

/**
 * Which of the instances that wait for the same ones of other tasks are decided: released once all that they wait for has ended as it is to,
 * not to start as soon as one has not. It costs the gaps in the sets, not the instances.
 * @param held those that wait
 * @param known how instances of the others ended; of a task that is not in it nothing is known
 */
export const settledInstances = (
  held: Ranges,
  dependencies: readonly TaskDependency[],
  known: readonly InstanceEnds[],
): SettledInstances => {
  const ends = new Map(known.map((one) => [one.taskId, one]));
  const unmet: UnmetInstances[] = [];
  let left = held;
  for (const { taskId, on } of eachOf(dependencies))
    for (const outcome of OUTCOMES.filter((one) => !on.includes(one))) {
      const instances = intersection(left, ends.get(taskId)?.[outcome] ?? emptyRanges);
      if (instances.size === 0) continue;
      unmet.push({ because: { taskId, outcome }, instances });
      left = difference(left, instances);
    }
  const released = eachOf(dependencies).reduce((some, dependency) => {
    const end = ends.get(dependency.taskId);
    return end ? intersection(some, met(some, dependency, end)) : emptyRanges;
  }, left);
  return { released, unmet };
};

/** Waits for nothing but room: no other task, and no instance of one. */
export const readyOf = ({ isHeld, waiting, held }: TaskState): Ranges =>
  isHeld ? emptyRanges : difference(waiting, held);

/** How many wait for nothing but room; costs nothing. */
export const readyCount = ({ isHeld, waiting, held }: TaskState): number => (isHeld ? 0 : waiting.size - held.size);

/** How many more may be on nodes at once. */
const roomOf = ({ spec: { maxParallel = Infinity }, inFlight }: TaskState): number => maxParallel - inFlight.size;

/** Instances that may be placed now: those that wait for room, and of these no more than the task may have on nodes at once. */
export const startableOf = (state: TaskState): Ranges => {
  const room = roomOf(state);
  return room <= 0 ? emptyRanges : lowest(readyOf(state), room);
};

/** Nothing of it may be placed only because as much of it as may be is on nodes already. */
export const isAtItsLimit = (state: TaskState): boolean => readyCount(state) > 0 && roomOf(state) <= 0;

/** What a task's own stream says of its dependencies. */
export interface DependencyFacts {
  /** How many of its instances wait for others. */
  readonly heldInstances: number;
  /** It, or instances of it, ended before what they waited for was decided: they were cancelled, say. */
  readonly endedHeld: boolean;
  readonly ends: readonly DependencyEnd[];
}

export const dependencyFactsOf = (state: TaskState): DependencyFacts => ({
  heldInstances: state.held.size,
  endedHeld: state.endedHeld || (state.isHeld && state.waiting.size === 0),
  ends: state.dependencyEnds,
});

/**
 * What became of one dependency. What was decided holds for good; a task that has ended waits for nothing any more.
 * @param known how the other task ended, where that is known; undefined: it has not
 */
export const decidedVerdictOf = (
  { heldInstances, endedHeld, ends }: DependencyFacts,
  dependency: TaskDependency,
  known: TaskOutcome | undefined,
): DependencyVerdict => {
  const own = ends.find(({ taskId }) => taskId === dependency.taskId)?.outcome;
  if (dependency.each === true && own === undefined) {
    if (heldInstances > 0) return 'waiting';
    return endedHeld ? 'notFulfilled' : 'fulfilled';
  }
  // A task that was cancelled before all had ended took no note of the others.
  const verdict = verdictOf(dependency, own ?? known);
  return verdict === 'waiting' && endedHeld ? 'notFulfilled' : verdict;
};

/** What became of all of them: never fulfilled where it ended before they were, whatever the others did later. @param outcomeOf as `known` of one of them */
export const decidedVerdictOfAll = (
  facts: DependencyFacts,
  dependencies: readonly TaskDependency[],
  outcomeOf: (taskId: string) => TaskOutcome | undefined,
): DependencyVerdict =>
  facts.endedHeld
    ? 'notFulfilled'
    : allOf(dependencies.map((one) => decidedVerdictOf(facts, one, outcomeOf(one.taskId))));
