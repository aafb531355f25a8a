import { has, isStopping, type DispatchedLease } from '@fornax/domain';
import { cancelOrders, leaseOrders, type AddressedOrder } from './orders.js';
import type { SchedulerView } from './scheduler-view.js';

interface Wait {
  /** When the order was sent last, or first seen unanswered by this leader. */
  readonly since: number;
  readonly waitMs: number;
}

/** Beyond the duplicate window of the dispatch stream (two minutes): sooner, the stream would take the repeat for the first and drop it. */
const FIRST_WAIT_MS = 150_000;
const MAX_WAIT_MS = 20 * 60_000;

/**
 * Orders that have had no effect for so long that they are sent again: a lease whose start was not reported, a cancel whose instance has not
 * ended. A node may take its time (inputs are downloaded before the start), so the wait doubles; agents drop what they have. Nodes that are
 * gone are not waited for here: their leases are revoked.
 */
export class OverdueOrders {
  private waits: ReadonlyMap<string, Wait> = new Map();

  /** Call now and then: what is due now, leases before cancels. @param now milliseconds by a monotonic clock */
  take(view: SchedulerView, now: number): readonly AddressedOrder[] {
    const waits = new Map<string, Wait>();
    const leases = new Map<string, DispatchedLease[]>();
    const cancels = new Map<string, Set<string>>();
    for (const { leaseId, taskId, instance } of view.leases.all()) {
      const { state, pool } = view.task(taskId) ?? {};
      const lease = state?.inFlight.get(instance);
      if (!state || lease?.leaseId !== leaseId) continue;
      const isStopped = isStopping(state) || (pool !== undefined && has(pool.closing, instance));
      if (lease.phase !== 'dispatched' && !isStopped) continue;
      const key = `${leaseId} ${isStopped ? 'cancel' : 'lease'}`;
      const { since, waitMs } = this.waits.get(key) ?? { since: now, waitMs: FIRST_WAIT_MS };
      const isDue = now - since >= waitMs;
      waits.set(key, isDue ? { since: now, waitMs: Math.min(2 * waitMs, MAX_WAIT_MS) } : { since, waitMs });
      if (!isDue) continue;
      if (lease.phase === 'dispatched') leases.set(taskId, [...(leases.get(taskId) ?? []), { instance, ...lease }]);
      if (isStopped) cancels.set(taskId, (cancels.get(taskId) ?? new Set()).add(leaseId));
    }
    this.waits = waits;
    return [...ordersOf(view, leases), ...cancelsOf(view, cancels)];
  }
}

const ordersOf = (
  view: SchedulerView,
  leases: ReadonlyMap<string, readonly DispatchedLease[]>,
): readonly AddressedOrder[] =>
  [...leases].flatMap(([taskId, overdue]) => {
    const entry = view.task(taskId);
    return entry ? leaseOrders(entry, overdue) : [];
  });

const cancelsOf = (view: SchedulerView, cancels: ReadonlyMap<string, ReadonlySet<string>>): readonly AddressedOrder[] =>
  [...cancels].flatMap(([taskId, overdue]) => {
    const entry = view.task(taskId);
    return entry ? cancelOrders(entry).filter(({ order }) => 'leaseId' in order && overdue.has(order.leaseId)) : [];
  });
