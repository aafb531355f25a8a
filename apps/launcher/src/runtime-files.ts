import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivateFile } from '@fornax/embedded';
import { z } from 'zod';
import type { Addresses } from './environment.js';

/** As a word of a POSIX shell. */
export const shellQuote = (value: string): string => `'${value.replaceAll("'", `'\\''`)}'`;

interface Identity {
  readonly email: string;
  readonly token: string;
}

/**
 * What `source <data>/env` sets: the names that the official clients, and AWS's, read by themselves.
 * @param programs a folder that it puts into PATH, once
 */
export const renderEnvFile = (addresses: Addresses, { email, token }: Identity, programs: string): string =>
  Object.entries({
    QARNOT_CLUSTER_URL: addresses.apiUrl,
    QARNOT_STORAGE_URL: addresses.storageUrl,
    QARNOT_CLIENT_TOKEN: token,
    AWS_ACCESS_KEY_ID: email,
    AWS_SECRET_ACCESS_KEY: token,
    AWS_ENDPOINT_URL: addresses.storageUrl,
    AWS_ENDPOINT_URL_S3: addresses.storageUrl,
    AWS_DEFAULT_REGION: 'us-east-1',
  })
    .map(([name, value]) => `export ${name}=${shellQuote(value)}\n`)
    .join('') +
  `case ":$PATH:" in *:${shellQuote(programs)}:*) ;; *) export PATH=${shellQuote(programs)}:"$PATH" ;; esac\n`;

const runtimeSchema = z.object({
  /** Value of FORNAX_RUN in the environment of every process of this run. */
  run: z.string(),
  launcher: z.number().int(),
  guardian: z.number().int(),
  api: z.object({ url: z.string(), port: z.number().int() }),
  storage: z.object({ url: z.string(), port: z.number().int() }),
  nats: z.object({ url: z.string() }),
  mode: z.enum(['platform', 'services']),
  /** Process id of every part that runs now, by name. */
  pids: z.record(z.string(), z.number().int()),
  /** Log file of every part, by name. */
  logs: z.record(z.string(), z.string()),
});

/** What runs now and where: `<data>/runtime.json`, for tools and tests. */
export type Runtime = Readonly<z.output<typeof runtimeSchema>>;

const runtimePath = (data: string): string => join(data, 'runtime.json');

export const writeRuntime = (data: string, runtime: Runtime): Promise<void> =>
  writePrivateFile(runtimePath(data), `${JSON.stringify(runtime, null, 2)}\n`);

/** The last run's file; undefined when there is none or it cannot be understood. */
export const readRuntime = async (data: string): Promise<Runtime | undefined> => {
  const text = await readFile(runtimePath(data), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return runtimeSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
};
