import { delay } from '@fornax/base';
import { isOver, outcomeOf, taskDecider, type TaskEvent, type TaskState } from '@fornax/domain';
import type { EventLog } from '@fornax/event-store';
import type { TaskWriter } from '../deciding/task-writer.js';
import type { Logger } from '../ports/logger.js';
import type { Settled } from '../view/dependency-book.js';
import type { Changes } from '../view/changes.js';
import type { SchedulerView } from '../view/scheduler-view.js';

export interface DependenciesOptions {
  readonly view: SchedulerView;
  readonly writer: Pick<TaskWriter, 'settle' | 'settleInstances'>;
  readonly log: Pick<EventLog, 'readAggregate'>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Tasks read from the log at once. */
const READS_AT_ONCE = 16;
const AGAIN_MS = 2_000;

/**
 * Decides tasks that wait for others, in the step in which the last of those ends: no polling. What had ended before its dependant came is looked
 * up in the log, once. A leader that begins does so for everything that waits, so what its predecessor left undone is done.
 */
export class Dependencies {
  private readonly asked: string[] = [];
  /** Tasks whose instances are about to be settled by all that is known then. */
  private readonly loosened = new Set<string>();
  private readers = 0;

  constructor(private readonly options: DependenciesOptions) {}

  /** What follows from a fold. */
  act({ settled, loosened, unknown }: Pick<Changes, 'settled' | 'loosened' | 'unknown'>): void {
    for (const one of settled) void this.settle(one);
    for (const taskId of loosened) void this.settleInstances(taskId);
    if (unknown.length > 0) this.lookUp(unknown);
  }

  /** Looks up what everything in the view waits for and is not in it. */
  takeOver(): void {
    const { view } = this.options;
    this.act({ settled: [], loosened: [...view.instanceDependencies.held()], unknown: view.unknownDependencies() });
  }

  private lookUp(taskIds: readonly string[]): void {
    for (const taskId of taskIds) this.asked.push(taskId);
    while (this.readers < READS_AT_ONCE && this.readers < this.asked.length) void this.read();
  }

  private async read(): Promise<void> {
    this.readers += 1;
    for (let taskId = this.asked.pop(); taskId !== undefined; taskId = this.asked.pop()) await this.readOne(taskId);
    this.readers -= 1;
  }

  private async readOne(taskId: string): Promise<void> {
    const { view, log, logger, signal } = this.options;
    while (!signal.aborted) {
      try {
        const state = await endOf(log, taskId);
        // One that has not ended is about to come into the view, and will end there.
        if (state)
          this.act({
            settled: view.dependencies.ended(taskId, outcomeOf(state)),
            loosened: view.instanceDependencies.ended(state),
            unknown: [],
          });
        return;
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ taskId, err: error }, 'a task that others wait for could not be read, trying again');
        await delay(AGAIN_MS, signal);
      }
    }
  }

  private settle(settled: Settled): Promise<void> {
    return this.persist(settled.taskId, () => this.options.writer.settle(settled));
  }

  /** However much is learned before it is decided, it is decided once. */
  private async settleInstances(taskId: string): Promise<void> {
    if (this.loosened.has(taskId)) return;
    this.loosened.add(taskId);
    await this.persist(taskId, () => this.options.writer.settleInstances(taskId, () => this.loosened.delete(taskId)));
    this.loosened.delete(taskId);
  }

  /** Tries until the log has it, the task waits no more, or the leadership is over. */
  private async persist(taskId: string, settle: () => Promise<void>): Promise<void> {
    const { logger, signal } = this.options;
    while (!signal.aborted) {
      try {
        await settle();
        return;
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ taskId, err: error }, 'a task could not be started after others, trying again');
        await delay(AGAIN_MS, signal);
      }
    }
  }
}

/** A task as it was when it ended; undefined when it has not, or there is none. What comes after its end, a deletion, does not change how it ended. */
const endOf = async (log: Pick<EventLog, 'readAggregate'>, taskId: string): Promise<TaskState | undefined> => {
  let state = taskDecider.initial;
  for (const { events } of await log.readAggregate('task', taskId)) {
    // The aggregate's name in the subject is what makes these task events.
    for (const event of events as readonly TaskEvent[]) state = taskDecider.evolve(state, event);
    if (isOver(state)) return state;
  }
  return undefined;
};
