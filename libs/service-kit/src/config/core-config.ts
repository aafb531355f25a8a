import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { loadDoorLimits, type DoorLimits } from '../http/door/door-limits.js';
import { intSetting, loadConfig, type Env } from '@fornax/base';
import { needsMasterKey } from '@fornax/contracts';
import { loadMasterKeys, MASTER_KEY_SETTINGS, noMasterKeys } from './master-keys.js';

/** What every process of the control plane needs to know. Services read settings of their own with `loadConfig`. */
export interface CoreConfig {
  /** Name of the process: `platform`, or the service's. */
  readonly name: string;
  readonly nats: {
    readonly url: string;
    readonly user?: string;
    readonly password?: string;
    readonly replicas: number;
  };
  readonly databaseUrl: string;
  /** 32 bytes: wraps data keys, seals tokens' S3 secrets, signs lease credentials. Undefined in a service that does none of these. */
  readonly masterKey: Uint8Array | undefined;
  /** Further keys that open what they have sealed, and seal nothing: those of before, or the next one. */
  readonly masterKeysRead: readonly Uint8Array[];
  /** The log whose master key an operator has given up for good, by its epoch. */
  readonly masterKeyLost: string | undefined;
  /** The first operator's token as the settings have it, read when asked for; undefined when they have none. */
  readonly bootstrapToken: () => string | undefined;
  /** The setting that the master key came from, and its file, for people. */
  readonly masterKeySource: string;
  readonly publicApiUrl: string | undefined;
  readonly publicStorageUrl: string | undefined;
  readonly dataDir: string;
  /** Below this much free space on a disk of the platform, commands and uploads are refused. */
  readonly diskLowBytes: number;
  /** Folders of this platform on this machine whose disks are watched: its data, and what lies elsewhere. */
  readonly diskFolders: readonly string[];
  /** How long one walk over the whole event log takes, in milliseconds; 0 for none. */
  readonly logWalkMs: number;
  readonly logLevel: string;
  /** What the HTTP servers of the process put up with. */
  readonly door: DoorLimits;
  /** How long a command waits for the read model to show its effect. */
  readonly readYourWritesTimeoutMs: number;
  /** How old a commit of this process may be that proves that the log is written, when somebody asks whether it is ready. */
  readonly readyProofMs: number;
  /** Warnings about the servers below, found by who started them; shown in `/health`. */
  readonly warnings: readonly string[];
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const settings = z.object({
  FORNAX_NATS_URL: z.string().default('nats://127.0.0.1:4222'),
  FORNAX_NATS_USER: z.string().optional(),
  FORNAX_NATS_PASSWORD: z.string().optional(),
  FORNAX_NATS_REPLICAS: intSetting({ min: 1, max: 5 }).default(1),
  FORNAX_NATS_WARNINGS: z.string().optional(),
  FORNAX_DATABASE_URL: z.string(),
  ...MASTER_KEY_SETTINGS,
  FORNAX_MASTER_KEY_LOST: z.string().optional(),
  FORNAX_BOOTSTRAP_TOKEN: z.string().optional(),
  FORNAX_BOOTSTRAP_TOKEN_FILE: z.string().optional(),
  FORNAX_PUBLIC_API_URL: z.string().optional(),
  FORNAX_PUBLIC_STORAGE_URL: z.string().optional(),
  FORNAX_DATA_DIR: z.string().default('.fornax'),
  FORNAX_DISK_LOW_BYTES: intSetting({ min: 0, max: Number.MAX_SAFE_INTEGER }).default(200_000_000),
  FORNAX_DISK_FOLDERS: z.string().optional(),
  FORNAX_LOG_WALK_MS: intSetting({ min: 0, max: 2_592_000_000 }).default(86_400_000),
  FORNAX_LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  FORNAX_READ_YOUR_WRITES_TIMEOUT_MS: intSetting({ min: 0, max: 60_000 }).default(2000),
  FORNAX_READY_PROOF_MS: intSetting({ min: 1_000, max: 86_400_000 }).default(60_000),
});

const bootstrapTokenOf = (text: string | undefined, file: string | undefined): string | undefined => {
  if (text !== undefined || file === undefined) return text?.trim();
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    // Whoever makes the first account says that it is missing.
    return undefined;
  }
};

/** The master key of a process that has one. @throws Error it is not to have one */
export const masterKeyOf = ({ name, masterKey }: Pick<CoreConfig, 'name' | 'masterKey'>): Uint8Array => {
  if (masterKey === undefined) throw new Error(`${name} has no master key`);
  return masterKey;
};

/** Reads the settings that all services share. @throws ConfigError */
export const loadCoreConfig = (name: string, env: Env): CoreConfig => {
  const values = loadConfig(settings, env);
  return Object.freeze({
    name,
    nats: {
      url: values.FORNAX_NATS_URL,
      ...(values.FORNAX_NATS_USER === undefined ? {} : { user: values.FORNAX_NATS_USER }),
      ...(values.FORNAX_NATS_PASSWORD === undefined ? {} : { password: values.FORNAX_NATS_PASSWORD }),
      replicas: values.FORNAX_NATS_REPLICAS,
    },
    databaseUrl: values.FORNAX_DATABASE_URL,
    ...(needsMasterKey(name) ? loadMasterKeys(values, env) : noMasterKeys(name, env)),
    bootstrapToken: () => bootstrapTokenOf(values.FORNAX_BOOTSTRAP_TOKEN, values.FORNAX_BOOTSTRAP_TOKEN_FILE),
    masterKeyLost: values.FORNAX_MASTER_KEY_LOST || undefined,
    publicApiUrl: values.FORNAX_PUBLIC_API_URL,
    publicStorageUrl: values.FORNAX_PUBLIC_STORAGE_URL,
    dataDir: values.FORNAX_DATA_DIR,
    diskLowBytes: values.FORNAX_DISK_LOW_BYTES,
    diskFolders: [values.FORNAX_DATA_DIR, ...(values.FORNAX_DISK_FOLDERS?.split(':') ?? [])].filter(Boolean),
    logWalkMs: values.FORNAX_LOG_WALK_MS,
    logLevel: values.FORNAX_LOG_LEVEL,
    door: loadDoorLimits(env),
    readYourWritesTimeoutMs: values.FORNAX_READ_YOUR_WRITES_TIMEOUT_MS,
    readyProofMs: values.FORNAX_READY_PROOF_MS,
    warnings: (values.FORNAX_NATS_WARNINGS ?? '').split('\n').filter((line) => line !== ''),
  });
};
