import type { Aggregate } from '@fornax/contracts';
import { FoldGuard, type EventLog } from '@fornax/event-store';
import type { Logger } from '../ports/logger.js';
import { SchedulerView } from '../view/scheduler-view.js';

/** The aggregates that the view folds. */
export const VIEW_AGGREGATES: readonly Aggregate[] = ['task', 'pool', 'node', 'account', 'spending'];

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

interface StoredView {
  readonly view: SchedulerView;
  readonly at: { readonly epoch: string; readonly sequence: number } | undefined;
}

const readCheckpoint = async (checkpoint: ViewCheckpoint, logger: Logger): Promise<StoredView> => {
  const view = new SchedulerView();
  try {
    return { view, at: await checkpoint.load(view) };
  } catch (error) {
    logger.warn({ err: error }, 'the stored view cannot be read, the whole log is replayed');
    return { view: new SchedulerView(), at: undefined };
  }
};

/** The view as the log has it now: the stored fold, where there is one, and the tail. Works without the database, only slower. */
export const loadView = async (
  log: EventLog,
  checkpoint: ViewCheckpoint,
  logger: Logger,
  guard = new FoldGuard('scheduler', (stop) => logger.error(stop, 'the fold of an aggregate fails')),
): Promise<LoadedView> => {
  // In this order: the stored view goes on moving, so one that was read after the head could be ahead of it.
  const stored = await readCheckpoint(checkpoint, logger);
  const head = await log.head();
  const isOfThisLog = stored.at !== undefined && stored.at.epoch === head.epoch && stored.at.sequence <= head.sequence;
  if (stored.at && !isOfThisLog)
    logger.warn({ stored: stored.at, head }, 'the stored view is not of this log and is not used');
  const view = isOfThisLog ? stored.view : new SchedulerView();
  const sequence = isOfThisLog ? (stored.at?.sequence ?? 0) : 0;
  let commits = 0;
  if (sequence < head.sequence) {
    for await (const batch of log.read({ from: sequence + 1, to: head.sequence, aggregates: VIEW_AGGREGATES })) {
      for (const commit of batch) guard.fold(commit, (one) => view.fold(one));
      commits += batch.length;
    }
  }
  logger.info(
    { tasks: view.taskCount(), leases: view.leases.size, from: sequence, to: head.sequence, commits },
    'the view is caught up',
  );
  return { view, epoch: head.epoch, sequence: head.sequence };
};
