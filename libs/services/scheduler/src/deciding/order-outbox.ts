import { delay, backoffMs, soon } from '@fornax/base';
import { ORDER_HEADERS, dispatchSubject, type DispatchOrder } from '@fornax/contracts';
import type { Logger } from '../ports/logger.js';
import { packOrders, type AddressedOrder } from '../view/orders.js';

/** Publishes one message durably and resolves when it is stored. */
export type PublishDispatch = (
  subject: string,
  data: Uint8Array,
  msgId: string,
  headers: Readonly<Record<string, string>>,
) => Promise<unknown>;

export interface OrderOutboxOptions {
  readonly publish: PublishDispatch;
  /** Fencing token of this leadership: goes with every message, so that a node ignores those of a leader that was replaced. */
  readonly leaderEpoch: number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Sends orders to nodes, for each node one message at a time and in order, so that a cancel never overtakes its lease. What comes while a
 * message is under way goes into the next one. It tries until the leadership ends; the next leader repeats what was not confirmed.
 */
export class OrderOutbox {
  private readonly pending = new Map<string, DispatchOrder[]>();
  private readonly sending = new Set<string>();

  constructor(private readonly options: OrderOutboxOptions) {}

  send(orders: readonly AddressedOrder[]): void {
    const isIdle = this.sending.size === 0;
    for (const { node, order } of orders) {
      const waiting = this.pending.get(node);
      if (waiting) waiting.push(order);
      else this.pending.set(node, [order]);
      if (this.sending.has(node)) continue;
      // Orders that come together share a message.
      soon(isIdle, () => void this.drain(node));
      this.sending.add(node);
    }
  }

  private async drain(node: string): Promise<void> {
    for (let orders = this.take(node); orders; orders = this.take(node)) {
      for (const { data, msgId } of packOrders(orders)) await this.deliver(node, data, msgId);
    }
    this.sending.delete(node);
  }

  private take(node: string): readonly DispatchOrder[] | undefined {
    const orders = this.pending.get(node);
    this.pending.delete(node);
    return orders;
  }

  private async deliver(node: string, data: Uint8Array, msgId: string): Promise<void> {
    const { publish, leaderEpoch, logger, signal } = this.options;
    const headers = { [ORDER_HEADERS.leaderEpoch]: String(leaderEpoch) };
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        // Of this leader: what a predecessor said under its own epoch may be ignored, so it stands for nothing that is said now.
        await publish(dispatchSubject(node), data, `${leaderEpoch}/${msgId}`, headers);
        return;
      } catch (error) {
        logger.warn({ node, err: error }, 'orders could not be published, trying again');
        await delay(backoffMs(failures), signal);
      }
    }
  }
}
