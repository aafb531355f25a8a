import {
  LEADER_BUCKET,
  RPC,
  NODES_ACCOUNT,
  STREAMS,
  allConsumerRequests,
  allRestoreSubject,
  allRestoringSubject,
  leaveSubject,
  streamDeletionsSubject,
  type NatsPermissions,
} from '@fornax/contracts';
import {
  NODE_SUBJECTS,
  SYSTEM_ACCOUNT,
  type Account,
  type Export,
  type Import,
  type NatsLayout,
  accountsOf,
  admittingAccount,
} from './nats-accounts.js';
import {
  FIRST_CALLOUT_NATS,
  FIRST_DURABLE_NATS,
  type NatsVersion,
  formatNatsVersion,
  isAtLeast,
} from './nats-version.js';

export { nodeInboxPrefix, nodePermissions, type NatsPermissions } from '@fornax/contracts';

export interface NatsUser {
  readonly user: string;
  readonly password: string;
  /** Absent: all subjects of its account. */
  readonly permissions?: NatsPermissions;
}

/** Lets node-registry decide about users that this configuration does not name (nats-server 2.10 or later). */
export interface AuthCallout {
  /** Public key (`A...`) of the account key that signs the answers; its seed is known to whoever admits nodes, and nobody else. */
  readonly issuer: string;
}

export interface NatsConfig {
  readonly host: string;
  readonly port: number;
  readonly storeDir: string;
  readonly version: NatsVersion;
  readonly layout: NatsLayout;
  /** Users by account: whoever connects without the callout. */
  readonly users: Readonly<Record<string, readonly NatsUser[]>>;
  readonly callout?: AuthCallout;
}

/** Largest message in bytes: a commit may carry a task with many constants and ranges. */
export const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;

/** What the user of a simulated fleet needs: what any node may do. */
export const fleetPermissions: NatsPermissions = { publish: NODE_SUBJECTS, subscribe: ['_INBOX_fleet.>'] };

/** What whoever makes the streams, and consumers for those who may not, needs; no service has it. */
export const provisionerPermissions: NatsPermissions = {
  publish: [
    '$JS.API.INFO',
    ...[...Object.values(STREAMS), `KV_${LEADER_BUCKET}`].flatMap((stream) =>
      [...['INFO', 'CREATE', 'UPDATE'].map((verb) => `STREAM.${verb}`), 'CONSUMER.LIST'].map(
        (request) => `$JS.API.${request}.${stream}`,
      ),
    ),
    ...Object.values(STREAMS).flatMap((stream) =>
      ['*', '*.>'].map((rest) => `$JS.API.CONSUMER.CREATE.${stream}.${rest}`),
    ),
    // Puts a lost log back: makes it anew, message by message, and takes out what kept places in it (ADR 0117). It writes where a log that is being put
    // back listens, and never to the log; a log that is there refuses that messages are taken out (ADR 0129).
    `$JS.API.STREAM.DELETE.${STREAMS.events}`,
    `$JS.API.STREAM.MSG.DELETE.${STREAMS.events}`,
    allRestoringSubject,
    // Takes the beginning of the log out once the log says that it has left (ADR 0139), which it reads itself. A log of an earlier release refuses it.
    `$JS.API.STREAM.PURGE.${STREAMS.events}`,
    `$JS.API.STREAM.MSG.GET.${STREAMS.events}`,
    // It compares that with the archive before.
    `$JS.API.CONSUMER.MSG.NEXT.${STREAMS.events}.*`,
    RPC.leftMessages,
    // A consumer for what has left is taken back.
    `$JS.API.CONSUMER.DELETE.${STREAMS.events}.*`,
    // Answers to other accounts.
    '_R_.>',
  ],
  subscribe: ['_INBOX.>', allConsumerRequests, allRestoreSubject, leaveSubject, streamDeletionsSubject],
};

/** Whether this server can flush every write before it acknowledges it. */
export const canSyncAlways = (version: NatsVersion): boolean => isAtLeast(version, FIRST_DURABLE_NATS);

/** Whether this server can ask node-registry about users that its configuration does not name. */
export const canAskAboutUsers = (version: NatsVersion): boolean => isAtLeast(version, FIRST_CALLOUT_NATS);

/** JSON strings and arrays are valid in the server's configuration language. */
const quoted = (value: string | readonly string[]): string => JSON.stringify(value);

const renderUser = ({ user, password, permissions }: NatsUser): string => {
  const rights =
    permissions === undefined
      ? ''
      : `, permissions: { publish: { allow: ${quoted(permissions.publish)} }, subscribe: { allow: ${quoted(permissions.subscribe)} } }`;
  return `{ user: ${quoted(user)}, password: ${quoted(password)}${rights} }`;
};

const renderImport = ({ kind, account, subject }: Import): string =>
  `{ ${kind}: { account: ${account}, subject: ${quoted(subject)} } }`;

/** How long the server remembers where the messages of a pull go, after the last of them. Pulls end after 30 s. */
const PULL_MEMORY = '45s';

const renderExport = ({ kind, subject, accounts, isStreamed }: Export): string => {
  const responses = isStreamed ? `, response_type: stream, threshold: "${PULL_MEMORY}"` : '';
  return `{ ${kind}: ${quoted(subject)}, accounts: ${quoted(accounts)}${responses} }`;
};

const renderList = (name: string, items: readonly string[]): readonly string[] =>
  items.length === 0 ? [] : [`    ${name}: [`, ...items.map((item) => `      ${item}`), '    ]'];

/**
 * The server sends the nonce that a joined node signs only when its configuration names a user with a key. Nobody has this one's seed, and it
 * may do nothing.
 */
const NONCE_USER = `{ nkey: UD4NHN6NSK6ECGREGZWH4WXRL6C7V5P6A67RZ3W3EXSRDFHPMB3E7SQR, permissions: { publish: { deny: ">" }, subscribe: { deny: ">" } } }`;

const renderAccount = (account: Account, users: readonly string[]): readonly string[] => [
  `  ${account.name} {`,
  ...(account.hasJetStream ? ['    jetstream: enabled'] : []),
  ...renderList('users', users),
  ...renderList('exports', account.exports.map(renderExport)),
  ...renderList('imports', account.imports.map(renderImport)),
  '  }',
];

/** Users of this configuration are never asked about: node-registry itself is one of them. */
const renderCallout = ({ callout, users, layout }: NatsConfig): readonly string[] =>
  callout === undefined
    ? []
    : [
        'authorization {',
        '  auth_callout {',
        `    issuer: ${callout.issuer}`,
        `    account: ${admittingAccount(layout)}`,
        `    auth_users: ${quoted(
          Object.values(users)
            .flat()
            .map(({ user }) => user),
        )}`,
        '  }',
        '}',
      ];

/** The configuration file of the server; its monitoring port stays off. @throws Error the server is too old for `callout` */
export const renderNatsConfig = (config: NatsConfig): string => {
  if (config.callout !== undefined && !canAskAboutUsers(config.version))
    throw new Error(`nats-server ${formatNatsVersion(config.version)} knows no auth callout (2.10 or later does)`);
  return [
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
    'accounts {',
    ...accountsOf(config.layout, { admits: config.callout !== undefined }).flatMap((account) =>
      renderAccount(account, [
        ...(config.users[account.name] ?? []).map(renderUser),
        ...(account.name === NODES_ACCOUNT && config.callout !== undefined ? [NONCE_USER] : []),
      ]),
    ),
    '}',
    `system_account: ${SYSTEM_ACCOUNT}`,
    ...renderCallout(config),
    '',
  ].join('\n');
};
