import { NODE_MESSAGES, allHeldLeasesSubject, heartbeatSchema, heldLeasesSubject } from '@fornax/contracts';
import { DroppedMessages, parseMessage, refusalOf } from '@fornax/base';
import type { Logger } from '../ports/logger.js';
import type { LeaseList } from '../view/lease-watch.js';
import type { NatsConnection } from './nats-connection.js';

/** Hands over the lists of leases that heartbeats carry, and the room on the disk that they tell beside them, as the registry passes them on, until the signal aborts. The registry has seen that each node speaks for itself. */
export const hearLeaseLists = (
  nc: NatsConnection,
  logger: Logger,
  handle: (list: LeaseList) => void,
  signal: AbortSignal,
): void => {
  const dropped = new DroppedMessages<'unreadable' | 'too-large' | 'wrong-node'>('lease-lists', logger);
  const subscription = nc.subscribe(allHeldLeasesSubject, {
    callback: (error, { subject, data }) => {
      if (error) return;
      try {
        const { nodeId, nodeEpoch, held, diskMB } = heartbeatSchema.parse(parseMessage(data, NODE_MESSAGES.heartbeat));
        if (subject !== heldLeasesSubject(nodeId)) dropped.refuse('wrong-node', { subject });
        else if (held) handle({ node: nodeId, nodeEpoch, held, ...(diskMB === undefined ? {} : { diskMB }) });
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
