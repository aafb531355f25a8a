import { delay } from '@fornax/base';
import { isOver, outcomeOf, taskDecider, type TaskEvent, type TaskOutcome } from '@fornax/domain';
import type { EventLog } from '@fornax/event-store';
import type { TaskWriter } from '../deciding/task-writer.js';
import type { Logger } from '../ports/logger.js';
import type { Settled } from '../view/dependency-book.js';
import type { Changes, SchedulerView } from '../view/scheduler-view.js';

export interface DependenciesOptions {
  readonly view: SchedulerView;
  readonly writer: Pick<TaskWriter, 'settle'>;
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
  private readers = 0;

  constructor(private readonly options: DependenciesOptions) {}

  /** What follows from a fold. */
  act({ settled, unknown }: Pick<Changes, 'settled' | 'unknown'>): void {
    for (const one of settled) void this.settle(one);
    if (unknown.length > 0) this.lookUp(unknown);
  }

  /** Looks up what everything in the view waits for and is not in it. */
  takeOver(): void {
    this.lookUp(this.options.view.unknownDependencies());
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
        const outcome = await outcomeIn(log, taskId);
        // One that has not ended is about to come into the view, and will end there.
        if (outcome) this.act({ settled: view.dependencies.ended(taskId, outcome), unknown: [] });
        return;
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ taskId, err: error }, 'a task that others wait for could not be read, trying again');
        await delay(AGAIN_MS, signal);
      }
    }
  }

  /** Tries until the log has it, the task waits no more, or the leadership is over. */
  private async settle(settled: Settled): Promise<void> {
    const { writer, logger, signal } = this.options;
    while (!signal.aborted) {
      try {
        await writer.settle(settled);
        return;
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ taskId: settled.taskId, err: error }, 'a task could not be started after others, trying again');
        await delay(AGAIN_MS, signal);
      }
    }
  }
}

/** How a task ended; undefined when it has not, or there is none. A deletion after its end does not change how it ended. */
const outcomeIn = async (log: Pick<EventLog, 'readAggregate'>, taskId: string): Promise<TaskOutcome | undefined> => {
  let state = taskDecider.initial;
  for (const { events } of await log.readAggregate('task', taskId)) {
    // The aggregate's name in the subject is what makes these task events.
    for (const event of events as readonly TaskEvent[]) state = taskDecider.evolve(state, event);
    if (isOver(state)) return outcomeOf(state);
  }
  return undefined;
};
