import type { OrderOutbox } from '../deciding/order-outbox.js';
import type { TaskWriter } from '../deciding/task-writer.js';
import type { Logger } from '../ports/logger.js';
import { LeaseWatch, type LeaseList, type LeaseWatchLimits } from '../view/lease-watch.js';
import type { TrackedLease } from '../view/lease-book.js';
import { strayOrders, stuckOrders, tellOrders } from '../view/orders.js';
import type { RevocationCause } from '../view/reports.js';
import type { SchedulerView } from '../view/scheduler-view.js';

export interface LeasePatrolOptions {
  readonly view: SchedulerView;
  readonly writer: Pick<TaskWriter, 'revoke'>;
  readonly outbox: Pick<OrderOutbox, 'send'>;
  readonly limits: LeaseWatchLimits;
  /** Resolves when the view has folded everything that the log holds now. */
  readonly catchUp: () => Promise<void>;
  /** Milliseconds by a monotonic clock. */
  readonly elapsed: () => number;
  /** Told after each list. */
  readonly onHeard?: () => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Brings what nodes do and what the log says together again, when a report or an order was lost or a node hangs (ADR 0027). It decides
 * nothing that a node can still tell: it asks first, and ends a lease only when the node does not know it, or does not get on with it.
 */
export class LeasePatrol {
  private readonly watch: LeaseWatch;

  constructor(private readonly options: LeasePatrolOptions) {
    this.watch = new LeaseWatch(options.limits);
  }

  hear(list: LeaseList): void {
    const { view, outbox, elapsed, logger, signal } = this.options;
    if (signal.aborted) return;
    const now = elapsed();
    const { ask, stop, end, strays } = this.watch.hear(view, list, now);
    const { node } = list;
    if (ask.length > 0) logger.warn({ node, leases: ask.length }, 'a node is asked what became of leases');
    if (stop.length > 0)
      logger.warn({ node, leases: stop.length }, 'a node does not get on with leases, it is to end them');
    outbox.send([...tellOrders(ask, now), ...stuckOrders(stop)]);
    if (end.length > 0) this.end(node, end);
    if (strays.length > 0) void this.stopStrays(node, strays);
    this.options.onHeard?.();
  }

  /** Whether all nodes that may run something have said that it is nothing but what they hold. */
  hasHeardAll(): boolean {
    return this.watch.hasHeardAll(this.options.view);
  }

  private end(node: string, leases: readonly TrackedLease[]): void {
    const { writer, logger, signal } = this.options;
    logger.error(
      { node, leases: leases.length },
      'a node neither gets on with leases nor ends them: they are taken back',
    );
    for (const [taskId, leaseIds] of Map.groupBy(leases, (lease) => lease.taskId)) {
      const cause: RevocationCause = 'stuck';
      writer
        .revoke(
          taskId,
          leaseIds.map(({ leaseId }) => leaseId),
          cause,
        )
        .catch((error: unknown) => {
          // The next list says it again.
          if (!signal.aborted) logger.warn({ taskId, node, err: error }, 'leases could not be taken back');
        });
    }
  }

  /** A lease that is not known here may have been given by a predecessor a moment ago: the log tells. */
  private async stopStrays(node: string, leaseIds: readonly string[]): Promise<void> {
    const { view, outbox, catchUp, logger, signal } = this.options;
    try {
      await catchUp();
    } catch (error) {
      if (!signal.aborted) logger.warn({ node, err: error }, 'what a node works on could not be looked up');
      return;
    }
    const strays = leaseIds.filter((leaseId) => view.leases.get(leaseId)?.node !== node);
    if (strays.length === 0 || signal.aborted) return;
    logger.warn({ node, leases: strays.length }, 'a node works on leases that it does not hold, it is to kill them');
    outbox.send(strayOrders(node, strays));
  }
}
