import { join } from 'node:path';
import { type NatsCredentials, pastaIn, type Principal } from '@fornax/embedded';
import type { Env, Settings } from './settings.js';
import type { Share } from './node-share.js';

/** Where the servers are that the services stand on, embedded or not. */
export interface Backends {
  readonly natsUrl: string;
  readonly natsService: (principal: Principal) => NatsCredentials | undefined;
  /** With what the embedded server's questions about unknown users are answered; undefined when it asks none, or is not ours. */
  readonly natsIssuerSeedFile?: string | undefined;
  readonly natsNode: (node: string) => NatsCredentials | undefined;
  readonly databaseUrl: string;
  readonly warnings: readonly string[];
}

/** Addresses that clients use. */
export interface Addresses {
  readonly apiPort: number;
  readonly storagePort: number;
  readonly apiUrl: string;
  readonly storageUrl: string;
}

/** Files and folders inside the data folder. */
export interface Places {
  readonly data: string;
  readonly masterKeyFile: string;
  readonly tokenFile: string;
  readonly metricsTokenFile: string;
  readonly objects: string;
  /** Folders that may be on disks of their own. */
  readonly watched: readonly string[];
}

/** The NATS server of FORNAX_NATS_URL, with the users that it was told of. */
export const externalNats = (settings: Settings): Omit<Backends, 'databaseUrl'> => {
  const credentials = (user: string | undefined, password: string | undefined) =>
    user === undefined ? undefined : { user, password: password ?? '' };
  return {
    natsUrl: settings.FORNAX_NATS_URL ?? '',
    natsService: () => credentials(settings.FORNAX_NATS_USER, settings.FORNAX_NATS_PASSWORD),
    natsNode: (node) =>
      credentials(settings.FORNAX_NODE_NATS_USER?.replaceAll('{node}', node), settings.FORNAX_NODE_NATS_PASSWORD),
    warnings: [],
  };
};

type Variables = Record<string, string>;

/** A setting may come as `<NAME>`, or as `<NAME>_FILE`, the file with it. */
const settingOf = (name: string): string => name.replace(/_FILE$/, '');

/** Some variables and, in their place where they say the same, others: of a setting and its file only the one that was given last. */
export const overridden = (variables: Readonly<Variables>, ...others: readonly Readonly<Variables>[]): Variables =>
  others.reduce<Variables>((before, over) => {
    const settings = new Set(Object.keys(over).map(settingOf));
    return {
      ...Object.fromEntries(Object.entries(before).filter(([name]) => !settings.has(settingOf(name)))),
      ...over,
    };
  }, variables);

/** Variables without some settings. */
export const without = (variables: Readonly<Variables>, settings: readonly string[]): Variables =>
  Object.fromEntries(Object.entries(variables).filter(([name]) => !settings.includes(settingOf(name))));

/** What a child inherits whatever it is: nothing that belongs to npm, to a client of ours, or to another platform's settings. */
const inherited = (env: Env, keep: (setting: string) => boolean): Variables =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value !== undefined && keep(settingOf(name)) ? [[name, value] as const] : [],
    ),
  );

const FOREIGN = /^(npm_|QARNOT_|AWS_|FORNAX_|INIT_CWD$|NODE_OPTIONS$)/;
/** Settings of ours that only the launcher understands, or that hold a secret of somebody else. */
const LAUNCHER_ONLY =
  /^FORNAX_(ONCE|SERVICES|NODES|SIMULATED_FLEET|PARENT_PIPE|TOOLS_DIR|READY_TIMEOUT_MS|NATS_(SERVER|SOURCE|USER|PASSWORD|HOST|PORT)|NODE_NATS_.*)$/;
/** What a compute node must never be given. */
const SECRET_FROM_NODES =
  /^FORNAX_(MASTER_KEY.*|DATABASE_URL|NATS_.*|S3_.*|OBJECTS.*|BOOTSTRAP_.*|.*(TOKEN|PASSWORD|SECRET).*)$/;

const optional = (name: string, value: string | undefined): Variables => (value === undefined ? {} : { [name]: value });

const natsAddress = (url: string, credentials: NatsCredentials | undefined): Variables => ({
  FORNAX_NATS_URL: url,
  ...(credentials === undefined
    ? {}
    : { FORNAX_NATS_USER: credentials.user, FORNAX_NATS_PASSWORD: credentials.password }),
});

const ADMITS_NODES: readonly Principal[] = ['platform', 'node-registry'];

/** How one process of the control plane connects: with rights of its own. */
export const natsVariables = (backends: Backends, principal: Principal): Readonly<Variables> => ({
  ...natsAddress(backends.natsUrl, backends.natsService(principal)),
  ...(ADMITS_NODES.includes(principal) ? optional('FORNAX_NATS_ISSUER_SEED_FILE', backends.natsIssuerSeedFile) : {}),
});

const shared = (settings: Settings, addresses: Addresses): Variables => ({
  FORNAX_PUBLIC_STORAGE_URL: addresses.storageUrl,
  FORNAX_NODE_GRACE_MS: String(settings.FORNAX_NODE_GRACE_MS),
  FORNAX_HEARTBEAT_MS: String(settings.FORNAX_HEARTBEAT_MS),
  FORNAX_LOG_LEVEL: settings.FORNAX_LOG_LEVEL,
  ...optional('FORNAX_OTLP_ENDPOINT', settings.FORNAX_OTLP_ENDPOINT),
});

/** Files that Node.js flushes at once. It takes four by default, and the flushes of more uploads than that would wait for each other instead of being one. */
const FILES_AT_ONCE = '16';

/** The environment of a process of the control plane, without its own ports and credentials. */
export const serviceEnvironment = (
  env: Env,
  settings: Settings,
  backends: Backends,
  addresses: Addresses,
  places: Places,
): Readonly<Variables> =>
  overridden(
    // Services are here, where the storage is; its public address may not be one for them.
    { FORNAX_STORAGE_URL: `http://127.0.0.1:${addresses.storagePort}` },
    inherited(env, (name) => !FOREIGN.test(name) || (name.startsWith('FORNAX_') && !LAUNCHER_ONLY.test(name))),
    {
      ...shared(settings, addresses),
      UV_THREADPOOL_SIZE: FILES_AT_ONCE,
      FORNAX_NATS_URL: backends.natsUrl,
      ...(backends.warnings.length === 0 ? {} : { FORNAX_NATS_WARNINGS: backends.warnings.join('\n') }),
      FORNAX_DATABASE_URL: backends.databaseUrl,
      ...(env['FORNAX_METRICS_TOKEN'] || env['FORNAX_METRICS_TOKEN_FILE']
        ? {}
        : { FORNAX_METRICS_TOKEN_FILE: places.metricsTokenFile }),
      ...(settings.FORNAX_MASTER_KEY === undefined ? { FORNAX_MASTER_KEY_FILE: places.masterKeyFile } : {}),
      ...optional('FORNAX_MASTER_KEY_COMMAND', settings.FORNAX_MASTER_KEY_COMMAND),
      ...optional('FORNAX_MASTER_KEY_LOST', settings.FORNAX_MASTER_KEY_LOST),
      FORNAX_DATA_DIR: places.data,
      FORNAX_DISK_FOLDERS: places.watched.join(':'),
      FORNAX_DISK_LOW_BYTES: String(settings.FORNAX_DISK_LOW_BYTES),
      FORNAX_LOG_WALK_MS: String(settings.FORNAX_LOG_WALK_MS),
      FORNAX_OBJECTS: settings.FORNAX_OBJECTS ?? (settings.FORNAX_S3_ENDPOINT === undefined ? 'local' : 's3'),
      FORNAX_OBJECTS_DIR: places.objects,
      FORNAX_S3_REGION: settings.FORNAX_S3_REGION,
      FORNAX_S3_BUCKET: settings.FORNAX_S3_BUCKET,
      FORNAX_PUBLIC_API_URL: addresses.apiUrl,
      FORNAX_BOOTSTRAP_EMAIL: settings.FORNAX_BOOTSTRAP_EMAIL,
      FORNAX_BOOTSTRAP_TOKEN_FILE: places.tokenFile,
      FORNAX_READ_YOUR_WRITES_TIMEOUT_MS: String(settings.FORNAX_READ_YOUR_WRITES_TIMEOUT_MS),
      ...optional('FORNAX_WEBHOOK_ALLOWED_DESTINATIONS', settings.FORNAX_WEBHOOK_ALLOWED_DESTINATIONS),
    },
  );

/** A node is short of room from this part of the platform's mark on; DiskWatch allows commands again at the same. */
const ROOM_BEFORE_REFUSAL = 1.25;

/** With less than this free on its disk a node begins nothing. */
export const lowBytesOfNodes = ({ FORNAX_DISK_LOW_BYTES }: Settings): number =>
  Math.ceil(FORNAX_DISK_LOW_BYTES * ROOM_BEFORE_REFUSAL);

/** The environment of the agent of one node: its own credentials, no key, no database, no password of the services. */
/** Where programs lie that were unpacked or built for this platform. */
export const toolsDirOf = (settings: Settings, data: string): string =>
  settings.FORNAX_TOOLS_DIR ?? join(data, 'tools');

export const agentEnvironment = (
  env: Env,
  settings: Settings,
  backends: Backends,
  addresses: Addresses,
  node: { readonly id: string; readonly folder: string; readonly share?: Share },
  data: string,
): Readonly<Variables> =>
  overridden(
    // Where agent and platform share a disk, instances end before commands are refused because of them.
    {
      FORNAX_NODE_DISK_LOW_BYTES: String(lowBytesOfNodes(settings)),
      FORNAX_NODE_NETWORK_STACK: pastaIn(toolsDirOf(settings, data)),
      ...(node.share === undefined
        ? {}
        : {
            FORNAX_NODE_CORES: String(node.share.cores),
            FORNAX_NODE_MEMORY_MB: String(node.share.memoryMB),
            ...optional('FORNAX_NODE_DISK_MB', node.share.diskMB?.toString()),
          }),
    },
    inherited(
      env,
      (name) =>
        !FOREIGN.test(name) ||
        (name.startsWith('FORNAX_') && !LAUNCHER_ONLY.test(name) && !SECRET_FROM_NODES.test(name)),
    ),
    {
      ...shared(settings, addresses),
      ...natsAddress(backends.natsUrl, backends.natsNode(node.id)),
      FORNAX_NODE_ID: node.id,
      FORNAX_NODE_DIR: node.folder,
      FORNAX_DATA_DIR: node.folder,
      // Secrets, database and objects of the platform are no business of what runs here.
      FORNAX_NODE_HIDE: data,
    },
  );
