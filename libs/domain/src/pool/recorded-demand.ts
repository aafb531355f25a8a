import type { InstantMs } from '../shared/time.js';
import { startableOf } from '../task/instance-dependencies.js';
import { evolveTask, initialTaskState, type TaskState } from '../task/task.state.js';
import type { TaskEvent } from '../task/task.events.js';
import type { Demand } from './simulate-scaling.js';

/** What one commit of a task said. */
export interface TaskMoment {
  readonly at: InstantMs;
  readonly events: readonly TaskEvent[];
}

/** Instances that run, or could if there was room. */
const wanted = (state: TaskState): number => startableOf(state).size + state.inFlight.size;

/** Tells how the demand of one task changed, by how many instances and when. @param history in the order of the log */
export const demandChanges = (history: readonly TaskMoment[]): readonly Demand[] => {
  let [state, before] = [initialTaskState, 0];
  return history.flatMap(({ at, events }) => {
    state = events.reduce(evolveTask, state);
    const change = wanted(state) - before;
    before += change;
    return change === 0 ? [] : [{ at, instances: change }];
  });
};

/**
 * Tells how many instances of some tasks ran or waited for room, from a moment on.
 * @param changes of all of them, in any order (see `demandChanges`)
 * @returns a step for each moment at which it changed, the first one at `from`
 */
export const recordedDemand = (changes: readonly Demand[], from: InstantMs, to: InstantMs): readonly Demand[] => {
  const steps = new Map<InstantMs, number>([[from, 0]]);
  let instances = 0;
  for (const { at, instances: change } of changes.toSorted((a, b) => a.at - b.at)) {
    if (at >= to) break;
    instances += change;
    steps.set(Math.max(at, from), instances);
  }
  return [...steps].map(([at, count]) => ({ at, instances: count }));
};
