import { delay } from '@fornax/base';
import { STREAMS } from '@fornax/contracts';
import { z } from 'zod';
import type { NatsConnection } from './nats-connection.js';
import { REPORTS_CONSUMER } from './snapshot-reports.js';

const TIMEOUT_MS = 1_000;
const PAUSE_MS = 20;

const consumerInfoSchema = z.object({ num_pending: z.number(), num_ack_pending: z.number() });

const backlog = async (nats: NatsConnection): Promise<number> => {
  const subject = `$JS.API.CONSUMER.INFO.${STREAMS.reports}.${REPORTS_CONSUMER}`;
  const info = consumerInfoSchema.parse((await nats.request(subject, '', { timeout: TIMEOUT_MS })).json());
  return info.num_pending + info.num_ack_pending;
};

/**
 * Waits until every snapshot report that was sent before now is handled. A node reports an upload before the end of its instance, but
 * both travel through different consumers: without this, the end could overtake the upload.
 * @returns false when reports were still waiting after `timeoutMs`
 */
export const reportsAreHandled = async (nats: NatsConnection, timeoutMs: number): Promise<boolean> => {
  for (const deadline = performance.now() + timeoutMs; performance.now() < deadline;) {
    if ((await backlog(nats)) === 0) return true;
    await delay(PAUSE_MS);
  }
  return false;
};
