import { delay } from '@fornax/base';
import type { TaskWriter } from '../deciding/task-writer.js';
import type { Logger } from '../ports/logger.js';
import type { QueueDeadline } from '../view/queue-deadlines.js';
import type { SchedulerView } from '../view/scheduler-view.js';

export interface QueueExpiryOptions {
  readonly view: SchedulerView;
  readonly writer: Pick<TaskWriter, 'expire'>;
  /** Milliseconds by the monotonic clock that the view measures by. */
  readonly elapsed: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** The longest that a timer of Node can wait. */
const MAX_TIMER_MS = 2_147_483_647;
const AGAIN_MS = 2_000;

/** Fails tasks that have waited for too long (contract, section 4.10). Sleeps until the next one is due; the log is its memory. */
export class QueueExpiry {
  private timer: NodeJS.Timeout | undefined;
  private armedFor: number | undefined;

  constructor(private readonly options: QueueExpiryOptions) {
    options.signal.addEventListener('abort', () => clearTimeout(this.timer), { once: true });
  }

  /** Call when deadlines may have changed: cheap when the soonest one has not. */
  arm(): void {
    const { view, elapsed, signal } = this.options;
    const next = view.deadlines.next();
    if (signal.aborted || next === this.armedFor) return;
    clearTimeout(this.timer);
    this.armedFor = next;
    if (next === undefined) return;
    this.timer = setTimeout(() => this.expireDue(), Math.min(MAX_TIMER_MS, Math.max(0, next - elapsed())));
  }

  /** Ends the wait of every task that is due. */
  expireDue(): void {
    this.armedFor = undefined;
    const { view, elapsed, signal } = this.options;
    if (signal.aborted) return;
    for (const deadline of view.deadlines.take(elapsed())) void this.expire(deadline);
    this.arm();
  }

  /** Tries until the log has it, the task waits no more, or the leadership is over. */
  private async expire({ taskId, at }: QueueDeadline): Promise<void> {
    const { writer, logger, signal } = this.options;
    while (!signal.aborted) {
      try {
        await writer.expire(taskId, at);
        return;
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ taskId, err: error }, 'a task that waited for too long could not be failed, trying again');
        await delay(AGAIN_MS, signal);
      }
    }
  }
}
