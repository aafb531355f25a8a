import {
  STREAMS,
  dispatchConsumer,
  heartbeatSubject,
  liveSubject,
  nodeLogsSubject,
  nodeRpcSubject,
  reportSubject,
} from '../subjects/subjects.js';

/** The account of all nodes in the server's configuration, local or joined. It has no JetStream and imports from the gate alone. */
export const NODES_ACCOUNT = 'NODES';

/** Which subjects a user may use; absent ones are refused. */
export interface NatsPermissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** What the prefix of reply inboxes of a node's agent must be: it may read the answers to its own requests, nobody else's. */
export const nodeInboxPrefix = (nodeId: string): string => `_INBOX_${nodeId}`;

/**
 * The least an agent needs: report, log, beat, ask the services, and take and acknowledge leases from its own consumer.
 * It cannot read the event log, another node's leases or anybody's replies.
 */
export const nodePermissions = (nodeId: string): NatsPermissions => {
  const leases = `${STREAMS.dispatch}.${dispatchConsumer(nodeId)}`;
  return {
    publish: [
      reportSubject(nodeId),
      `${reportSubject(nodeId)}.>`,
      nodeLogsSubject(nodeId),
      heartbeatSubject(nodeId),
      liveSubject(nodeId),
      nodeRpcSubject(nodeId, 'join').replace(/[^.]+$/, '>'),
      `$JS.API.CONSUMER.MSG.NEXT.${leases}`,
      `$JS.ACK.${leases}.>`,
    ],
    subscribe: [`${nodeInboxPrefix(nodeId)}.>`],
  };
};
