import {
  STREAMS,
  dispatchConsumer,
  heartbeatSubject,
  liveSubject,
  nodeLogsSubject,
  nodeRpcSubject,
  reportSubject,
} from '@fornax/contracts';
import { FIRST_DURABLE_NATS, type NatsVersion, isAtLeast } from './nats-version.js';

/** Which subjects a user may use; undefined means all of them. */
export interface NatsPermissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

export interface NatsUser {
  readonly user: string;
  readonly password: string;
  readonly permissions?: NatsPermissions;
}

export interface NatsConfig {
  readonly host: string;
  readonly port: number;
  readonly storeDir: string;
  readonly version: NatsVersion;
  readonly users: readonly NatsUser[];
}

/** Largest message in bytes: a commit may carry a task with many constants and ranges. */
export const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;

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
      `$JS.API.CONSUMER.INFO.${leases}`,
      `$JS.API.CONSUMER.MSG.NEXT.${leases}`,
      `$JS.ACK.${leases}.>`,
    ],
    subscribe: [`${nodeInboxPrefix(nodeId)}.>`],
  };
};

/** Whether this server can flush every write before it acknowledges it. */
export const canSyncAlways = (version: NatsVersion): boolean => isAtLeast(version, FIRST_DURABLE_NATS);

/** JSON strings and arrays are valid in the server's configuration language. */
const quoted = (value: string | readonly string[]): string => JSON.stringify(value);

const renderUser = ({ user, password, permissions }: NatsUser): string => {
  const rights =
    permissions === undefined
      ? ''
      : `, permissions: { publish: { allow: ${quoted(permissions.publish)} }, subscribe: { allow: ${quoted(permissions.subscribe)} } }`;
  return `    { user: ${quoted(user)}, password: ${quoted(password)}${rights} }`;
};

/** The configuration file of the server; its monitoring port stays off. */
export const renderNatsConfig = (config: NatsConfig): string =>
  [
    `host: ${quoted(config.host)}`,
    `port: ${config.port}`,
    `server_name: "fornax"`,
    `max_payload: ${MAX_PAYLOAD_BYTES}`,
    `max_pending: ${64 * 1024 * 1024}`,
    'jetstream {',
    `  store_dir: ${quoted(config.storeDir)}`,
    '  max_file_store: 1TB',
    '  max_memory_store: 256MB',
    ...(canSyncAlways(config.version) ? ['  sync_interval: always'] : []),
    '}',
    'authorization {',
    '  users: [',
    config.users.map(renderUser).join(',\n'),
    '  ]',
    '}',
    '',
  ].join('\n');
