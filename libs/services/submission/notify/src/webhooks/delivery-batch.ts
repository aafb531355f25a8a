import type { WebhookMessage } from './webhook-sender.js';

/** One message, and where in the log it comes from. */
export interface Delivery {
  readonly sequence: number;
  readonly taskId: string;
  readonly message: WebhookMessage;
}

/** Tasks that are delivered side by side. */
const SIDE_BY_SIDE = 8;

/**
 * Delivers a batch: what concerns one task in order and one at a time, tasks side by side.
 * @param send resolves when the receiver took it; throws when it is given up or the signal aborts, which stops the others, too
 * @returns what was not delivered, in the order of the log, with the reason; empty when all is done
 */
export const deliverBatch = async (
  deliveries: readonly Delivery[],
  send: (delivery: Delivery, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<{ readonly left: readonly Delivery[]; readonly reason: unknown }> => {
  const byTask = Map.groupBy(deliveries, ({ taskId }) => taskId);
  const queues = [...byTask.values()];
  const done = new Set<Delivery>();
  const failed = new AbortController();
  const over = AbortSignal.any([signal, failed.signal]);
  let reason: unknown;
  const work = async (): Promise<void> => {
    for (let queue = queues.shift(); queue && !over.aborted; queue = queues.shift()) {
      for (const delivery of queue) {
        if (over.aborted) return;
        await send(delivery, over);
        done.add(delivery);
      }
    }
  };
  const worker = async (): Promise<void> => {
    try {
      await work();
    } catch (error) {
      reason ??= error;
      failed.abort();
    }
  };
  await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, queues.length) }, worker));
  return { left: deliveries.filter((delivery) => !done.has(delivery)), reason };
};
