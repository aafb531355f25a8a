import { readFileSync } from 'node:fs';
import { givenSettings } from '@fornax/contracts';
import { SetupError } from '@fornax/embedded';
import { NATS_SOURCES } from '@fornax/embedded';
import { RETENTION_GRACE_S, RETENTION_TEXT, isRetention } from '@fornax/event-store';
import { z } from 'zod';

const int = (min: number, max: number) =>
  z.string().regex(/^\d+$/, 'must be a whole number').transform(Number).pipe(z.number().int().min(min).max(max));
const port = int(0, 65_535);
const flag = z.enum(['1', 'true', 'yes', '0', 'false', 'no']).transform((text) => ['1', 'true', 'yes'].includes(text));

/** The same names, with their explanation, are in `settings.json`, from which the help text and the documentation are made. */
export const settingsSchema = z.object({
  FORNAX_PORT: port.default(8080),
  FORNAX_STORAGE_PORT: port.default(9000),
  FORNAX_DATA_DIR: z.string().default('.fornax'),
  FORNAX_NODES: int(0, 64).default(1),
  FORNAX_ONCE: flag.default(false),
  FORNAX_SAMPLE: z.enum(['auto', 'skip']).default('auto'),
  FORNAX_IMAGES: z.enum(['host', 'registry']).default('host'),
  FORNAX_SERVICES: flag.default(false),
  FORNAX_SIMULATED_FLEET: flag.default(false),
  FORNAX_BOOTSTRAP_EMAIL: z.email().default('admin@fornax.local'),
  FORNAX_MASTER_KEY: z.string().optional(),
  FORNAX_MASTER_KEY_FILE: z.string().optional(),
  FORNAX_MASTER_KEY_COMMAND: z.string().optional(),
  FORNAX_NATS_URL: z.string().optional(),
  FORNAX_NATS_USER: z.string().optional(),
  FORNAX_NATS_PASSWORD: z.string().optional(),
  FORNAX_NODE_NATS_USER: z.string().optional(),
  FORNAX_NODE_NATS_PASSWORD: z.string().optional(),
  FORNAX_NATS_SERVER: z.string().optional(),
  FORNAX_NATS_HOST: z.union([z.ipv4(), z.ipv6()], 'must be an IP address of this machine').default('127.0.0.1'),
  FORNAX_NATS_PORT: port.default(0),
  FORNAX_PUBLIC_NATS_URL: z.string().optional(),
  FORNAX_NATS_SOURCE: z.enum(NATS_SOURCES).default('auto'),
  FORNAX_TOOLS_DIR: z.string().optional(),
  FORNAX_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  FORNAX_OBJECTS: z.enum(['local', 's3']).optional(),
  FORNAX_OBJECTS_DIR: z.string().optional(),
  FORNAX_S3_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  FORNAX_S3_ACCESS_KEY: z.string().optional(),
  FORNAX_S3_SECRET_KEY: z.string().optional(),
  FORNAX_S3_REGION: z.string().default('us-east-1'),
  FORNAX_S3_BUCKET: z.string().default('fornax'),
  FORNAX_PUBLIC_API_URL: z.url({ protocol: /^https?$/ }).optional(),
  FORNAX_PUBLIC_STORAGE_URL: z.url({ protocol: /^https?$/ }).optional(),
  FORNAX_NODE_GRACE_MS: int(100, 3_600_000).default(10_000),
  FORNAX_HEARTBEAT_MS: int(10, 600_000).default(1_000),
  FORNAX_READ_YOUR_WRITES_TIMEOUT_MS: int(0, 60_000).default(2_000),
  FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: z.string().optional(),
  FORNAX_READY_TIMEOUT_MS: int(1_000, 3_600_000).default(120_000),
  FORNAX_DISK_LOW_BYTES: int(0, Number.MAX_SAFE_INTEGER).default(200_000_000),
  FORNAX_MASTER_KEY_LOST: z.string().optional(),
  FORNAX_LOG_RETENTION: z.string().refine(isRetention, RETENTION_TEXT).default('off'),
  FORNAX_LOG_RETENTION_GRACE_S: int(RETENTION_GRACE_S.least, RETENTION_GRACE_S.most).default(900),
  FORNAX_LOG_WALK_MS: int(0, 2_592_000_000).default(86_400_000),
  FORNAX_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  FORNAX_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
});

export type Settings = Readonly<z.output<typeof settingsSchema>>;
export type Env = Readonly<Record<string, string | undefined>>;

const isLoopback = (url: string): boolean => ['127.0.0.1', '[::1]', 'localhost'].includes(new URL(url).hostname);

/** Settings that only make sense together. */
const contradictions = (settings: Settings): readonly string[] => [
  ...(settings.FORNAX_PORT !== 0 && settings.FORNAX_PORT === settings.FORNAX_STORAGE_PORT
    ? ['FORNAX_PORT and FORNAX_STORAGE_PORT must differ']
    : []),
  ...(settings.FORNAX_ONCE && settings.FORNAX_NODES === 0
    ? ['FORNAX_NODES must be at least 1 for --once: the sample needs a node']
    : []),
  ...(settings.FORNAX_NODES > 0 &&
  settings.FORNAX_NATS_PASSWORD !== undefined &&
  settings.FORNAX_NODE_NATS_USER === undefined
    ? [
        'FORNAX_NODE_NATS_USER must be set with FORNAX_NATS_PASSWORD: nodes do not get the password of the services (or set FORNAX_NODES=0)',
      ]
    : []),
  ...(settings.FORNAX_OBJECTS === 's3' && settings.FORNAX_S3_ENDPOINT === undefined
    ? ['FORNAX_S3_ENDPOINT must be set for FORNAX_OBJECTS=s3']
    : []),
  ...(settings.FORNAX_S3_ENDPOINT !== undefined &&
  settings.FORNAX_S3_ACCESS_KEY === undefined &&
  !isLoopback(settings.FORNAX_S3_ENDPOINT)
    ? ['FORNAX_S3_ACCESS_KEY and FORNAX_S3_SECRET_KEY must be set with FORNAX_S3_ENDPOINT']
    : []),
];

/**
 * Reads and freezes the settings, of the environment or of the files that `<NAME>_FILE` names; an empty value counts as unset.
 * @throws SetupError names every setting that is wrong
 */
export const loadSettings = (env: Env): Settings => {
  const given = givenSettings(Object.keys(settingsSchema.shape), env, (path) => readFileSync(path, 'utf8'));
  const parsed = settingsSchema.safeParse(given.values);
  const wrong = parsed.success
    ? contradictions(parsed.data)
    : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  const problems = [...given.problems, ...wrong];
  if (!parsed.success || problems.length > 0)
    throw new SetupError(`These settings are wrong:\n  ${problems.join('\n  ')}`);
  return Object.freeze(parsed.data);
};
