import { delay } from '@fornax/base';
import type { OrderOutbox } from '../deciding/order-outbox.js';
import type { TaskWriter } from '../deciding/task-writer.js';
import type { Logger } from '../ports/logger.js';
import { ordersAfter, ordersToRepeat } from '../view/orders.js';
import { OverdueOrders } from '../view/overdue-orders.js';
import { livingEpoch, voidLeases } from '../view/reports.js';
import type { Changes } from '../view/changes.js';
import type { SchedulerView } from '../view/scheduler-view.js';
import type { Dependencies } from './dependencies.js';
import type { PoolSizer } from './pool-sizer.js';
import type { QueueExpiry } from './queue-expiry.js';
import type { RoundLoop } from './round-loop.js';

export interface ConsequencesOptions {
  readonly view: SchedulerView;
  readonly writer: Pick<TaskWriter, 'revoke' | 'isIdle'>;
  readonly outbox: Pick<OrderOutbox, 'send'>;
  readonly rounds: Pick<RoundLoop, 'wake'>;
  readonly sizer: Pick<PoolSizer, 'wake'>;
  readonly expiry: Pick<QueueExpiry, 'arm'>;
  readonly dependencies: Pick<Dependencies, 'act' | 'takeOver'>;
  /** Milliseconds by a monotonic clock. */
  readonly elapsed: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const REVOKE_AGAIN_MS = 2_000;
const OVERDUE_CHECK_MS = 10_000;

/** Does what follows from the view: orders to nodes, leases to take back, another round. */
export class Consequences {
  private readonly overdue = new OverdueOrders();

  constructor(private readonly options: ConsequencesOptions) {}

  /** What follows from a fold. */
  act(changes: Changes, traceparent?: string): void {
    const { view, writer, outbox, rounds, sizer, expiry, dependencies, signal } = this.options;
    if (signal.aborted) return;
    outbox.send(ordersAfter(changes, traceparent));
    for (const { node, belowEpoch } of changes.voided) this.revokeVoid(node, belowEpoch);
    for (const { leases } of changes.dispatched) {
      // A dispatch that was under way while its node went: nobody will ever report it.
      const orphaned = leases.filter(({ node, nodeEpoch }) => nodeEpoch < livingEpoch(view, node));
      for (const node of new Set(orphaned.map((lease) => lease.node))) this.revokeVoid(node, livingEpoch(view, node));
    }
    expiry.arm();
    dependencies.act(changes);
    // Right after a commit of its own the writer's task still counts as busy, and its room as reserved: others would be given it.
    if (changes.wakes) rounds.wake(writer.isIdle);
    sizer.wake();
  }

  /** Repeats what the predecessor may have left undone. */
  takeOver(): void {
    const { view, outbox, logger } = this.options;
    const orders = ordersToRepeat(view);
    outbox.send(orders);
    this.takeBack();
    logger.info({ orders: orders.length, tasks: view.taskCount() }, 'leading');
  }

  /** Takes back what nodes cannot hold any more, of everything that is in the view. */
  takeBack(): void {
    const { view, expiry, dependencies } = this.options;
    expiry.arm();
    dependencies.takeOver();
    for (const [node] of view.allNodes()) this.revokeVoid(node, livingEpoch(view, node));
  }

  /** Looks for orders without effect until the term is over. */
  watchOverdue(): void {
    const timer = setInterval(() => this.repeatOverdue(), OVERDUE_CHECK_MS);
    this.options.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  /** Sends again what a node was told long ago and shows no sign of. */
  repeatOverdue(): void {
    const { view, outbox, elapsed, logger } = this.options;
    const orders = this.overdue.take(view, elapsed());
    if (orders.length === 0) return;
    logger.warn({ orders: orders.length }, 'orders without effect are sent again');
    outbox.send(orders);
  }

  private revokeVoid(node: string, belowEpoch: number): void {
    const { view, writer, logger, signal } = this.options;
    for (const [taskId, leaseIds] of voidLeases(view, node, belowEpoch)) {
      writer.revoke(taskId, leaseIds, 'node-lost').catch((error: unknown) => {
        if (signal.aborted) return;
        logger.error({ taskId, node, err: error }, 'leases of a lost node could not be taken back, trying again');
        void delay(REVOKE_AGAIN_MS, signal).then(() => this.revokeVoid(node, belowEpoch));
      });
    }
  }
}
