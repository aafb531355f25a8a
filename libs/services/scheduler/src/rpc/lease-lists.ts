import { NODE_MESSAGES, allHeartbeatsSubject, heartbeatSchema, heartbeatSubject } from '@fornax/contracts';
import { DroppedMessages, parseMessage, refusalOf } from '@fornax/service-kit';
import type { Logger } from '../logger.js';
import type { LeaseList } from '../view/lease-watch.js';
import type { NatsConnection } from './nats-connection.js';

/** Hands over the lists of leases that heartbeats carry, until the signal aborts. The subject is what NATS permissions prove: a node speaks for itself only. */
export const hearLeaseLists = (
  nc: NatsConnection,
  logger: Logger,
  handle: (list: LeaseList) => void,
  signal: AbortSignal,
): void => {
  const dropped = new DroppedMessages<'unreadable' | 'too-large' | 'wrong-node'>('lease-lists', logger);
  const subscription = nc.subscribe(allHeartbeatsSubject, {
    callback: (error, { subject, data }) => {
      if (error) return;
      try {
        const { nodeId, nodeEpoch, held } = heartbeatSchema.parse(parseMessage(data, NODE_MESSAGES.heartbeat));
        if (subject !== heartbeatSubject(nodeId)) dropped.refuse('wrong-node', { subject });
        else if (held) handle({ node: nodeId, nodeEpoch, held });
      } catch (cause) {
        dropped.refuse(refusalOf(cause), { subject });
      }
    },
  });
  signal.addEventListener(
    'abort',
    () => {
      if (!nc.isClosed()) subscription.unsubscribe();
    },
    { once: true },
  );
};
