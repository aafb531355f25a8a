import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';

import { givenSettings } from '@fornax/contracts';
import { z } from 'zod';

/**
 * The agent loads nothing of service-kit unless telemetry is on: each start of an instance forks this process, and with the services'
 * framework in its memory a fork takes three to four times as long (12.6 against 2.7 ms on two loaded cores, 2026-11-22).
 */
export type Env = Readonly<Record<string, string | undefined>>;

/** A setting is wrong; the message names it and needs no stack. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export const intSetting = ({ min, max }: { readonly min: number; readonly max: number }): z.ZodType<number, string> =>
  z.string().regex(/^\d+$/, 'must be a whole number').transform(Number).pipe(z.number().int().min(min).max(max));

const list = z
  .string()
  .transform((text) => text.split(':').filter((path) => path !== ''))
  .default([]);

const idRange = z
  .string()
  .regex(/^\d{1,10}-\d{1,10}$/, 'must be two numbers, as in 200000-265535')
  .transform((text) => {
    const [first = 0, last = 0] = text.split('-').map(Number);
    return { first, last };
  })
  .refine(({ first, last }) => first > 0 && first <= last && last < 2 ** 32 - 1, 'must go up, and not hold 0');

const schema = z.object({
  FORNAX_NODE_ID: z.string().min(1).max(128).default(hostname()),
  FORNAX_DATA_DIR: z.string().default('.fornax'),
  /** Folder of this agent alone: instances run below it. */
  FORNAX_NODE_DIR: z.string().optional(),
  FORNAX_NATS_URL: z.string().default('nats://127.0.0.1:4222'),
  FORNAX_NATS_USER: z.string().optional(),
  FORNAX_NATS_PASSWORD: z.string().optional(),
  FORNAX_PUBLIC_STORAGE_URL: z.url().default('http://127.0.0.1:9000'),
  /** Health and metrics on the loopback interface; 0 = off. */
  FORNAX_NODE_HTTP_PORT: intSetting({ min: 0, max: 65_535 }).default(0),
  /** Shows metrics and the details of health there. */
  FORNAX_METRICS_TOKEN: z.string().min(16).optional(),
  /** Cores and memory offered; 0 = what the machine has. */
  FORNAX_NODE_CORES: intSetting({ min: 0, max: 4_096 }).default(0),
  FORNAX_NODE_MEMORY_MB: intSetting({ min: 0, max: 100_000_000 }).default(0),
  /** With less than this free on the disk of its folder the node begins no instance, and ends those whose files take the room. */
  FORNAX_NODE_DISK_LOW_BYTES: intSetting({ min: 0, max: Number.MAX_SAFE_INTEGER }).default(100_000_000),
  /** More folders that instances may not see, separated by colons. */
  FORNAX_NODE_HIDE: list,
  /** Folders below a home that instances may read nevertheless, separated by colons. */
  FORNAX_NODE_EXPOSE: list,
  FORNAX_NODE_SANDBOX: z.enum(['auto', 'bubblewrap', 'unshare', 'process']).default('auto'),
  /** Of an agent that is root: user ids for its instances, as in 200000-265535. */
  FORNAX_NODE_USER_IDS: idRange.optional(),
  FORNAX_OTLP_ENDPOINT: z.url().optional(),
  FORNAX_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
  FORNAX_EXIT_WITH_PARENT: z.enum(['0', '1']).default('0'),
});

export interface AgentConfig extends Readonly<z.output<typeof schema>> {
  readonly workDir: string;
}

/** Settings of the environment, or of the files that `<NAME>_FILE` names; an empty value counts as unset. @throws ConfigError */
export const readSettings = <S extends z.ZodObject>(settings: S, env: Env): Readonly<z.output<S>> => {
  const { values, problems } = givenSettings(Object.keys(settings.shape), env, (path) => readFileSync(path, 'utf8'));
  const parsed = settings.safeParse(values);
  if (parsed.success && problems.length === 0) return parsed.data;
  const wrong = parsed.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
  throw new ConfigError(
    ['cannot start, these settings are wrong:', ...[...problems, ...wrong].map((problem) => `  ${problem}`)].join('\n'),
  );
};

/** @throws ConfigError */
export const loadAgentConfig = (env: Env): AgentConfig => {
  const config = readSettings(schema, env);
  const workDir = resolve(
    config.FORNAX_NODE_DIR ?? join(config.FORNAX_DATA_DIR, 'nodes', encodeURIComponent(config.FORNAX_NODE_ID)),
  );
  return { ...config, workDir };
};
