import type { OutputStream } from '@fornax/contracts';
import { has, iterate, rangesOf } from '@fornax/domain';
import type { TaskStatus } from '@fornax/tasks';
import type { PlacedChunk } from './segment.js';

/** Whose output is asked for. */
export interface OutputOf {
  /** What the routes of those who print are under. */
  readonly kind: 'tasks' | 'pools';
  /** A task; or a pool, with its slots as instances. */
  readonly task: TaskStatus;
  readonly stream: OutputStream;
  /** All instances when absent. */
  readonly instance?: number | undefined;
}

/** Whether an instance has printed all it will, by what was known of the task when it was looked up. */
export const isOverIn =
  ({ fold }: TaskStatus) =>
  (instance: number): boolean =>
    !fold.inFlight.has(instance) && !has(fold.waiting, instance);

/** Output of attempts that are over because another one has begun is not shown, whether or not the new one has printed anything. */
export const isCurrentIn =
  ({ fold }: TaskStatus) =>
  ({ instance, attempt }: Pick<PlacedChunk, 'instance' | 'attempt'>): boolean =>
    attempt >= fold.attempts.countOf(instance);

/** The instances of a task that are beyond their first attempt, and the attempt that each is at. */
export const retriedIn = ({ fold: { attempts } }: TaskStatus): readonly [number[], number[]] => {
  const instances = [...iterate(attempts.toLevels()[1] ?? rangesOf(0))];
  return [instances, instances.map((instance) => attempts.countOf(instance))];
};
