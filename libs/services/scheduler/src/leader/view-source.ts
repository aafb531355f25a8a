import type { Aggregate } from '@fornax/contracts';
import type { EventLog } from '@fornax/event-store';
import type { Logger } from '../logger.js';
import { SchedulerView } from '../view/scheduler-view.js';

/** The aggregates that the view folds. */
export const VIEW_AGGREGATES: readonly Aggregate[] = ['task', 'node', 'account'];

/** A stored fold of the view: what a start loads, to read only the tail of the log. */
export interface ViewCheckpoint {
  /** Puts the stored rows into an empty view. @returns the log and the sequence that they stand at; undefined when nothing is stored */
  load(view: SchedulerView): Promise<{ readonly epoch: string; readonly sequence: number } | undefined>;
}

export interface LoadedView {
  readonly view: SchedulerView;
  readonly epoch: string;
  /** Everything up to here is folded. */
  readonly sequence: number;
}

const fromCheckpoint = async (checkpoint: ViewCheckpoint, epoch: string, head: number, logger: Logger): Promise<{ view: SchedulerView; sequence: number }> => {
  const view = new SchedulerView();
  try {
    const at = await checkpoint.load(view);
    if (at && at.epoch === epoch && at.sequence <= head) return { view, sequence: at.sequence };
    if (at) logger.warn({ stored: at, epoch, head }, 'the stored view is of another log and is not used');
  } catch (error) {
    logger.warn({ err: error }, 'the stored view cannot be read, the whole log is replayed');
  }
  return { view: new SchedulerView(), sequence: 0 };
};

/** The view as the log has it now: the stored fold, where there is one, and the tail. Works without the database, only slower. */
export const loadView = async (log: EventLog, checkpoint: ViewCheckpoint, logger: Logger): Promise<LoadedView> => {
  const head = await log.head();
  const { view, sequence } = await fromCheckpoint(checkpoint, head.epoch, head.sequence, logger);
  let commits = 0;
  if (sequence < head.sequence) {
    for await (const batch of log.read({ from: sequence + 1, to: head.sequence, aggregates: VIEW_AGGREGATES })) {
      for (const commit of batch) view.fold(commit);
      commits += batch.length;
    }
  }
  logger.info({ tasks: view.taskCount(), leases: view.leases.size, from: sequence, to: head.sequence, commits }, 'the view is caught up');
  return { view, epoch: head.epoch, sequence: head.sequence };
};
