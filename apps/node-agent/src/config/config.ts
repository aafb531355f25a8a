import { hostname } from 'node:os';
import { join, resolve } from 'node:path';

import { ConfigError, type Env, intSetting, loadConfig } from '@fornax/base';
import { allowProblem, STANDARD_PATH } from '@fornax/drivers';
import { z } from 'zod';

const list = z
  .string()
  .transform((text) => text.split(':').filter((path) => path !== ''))
  .default([]);

const networks = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((network) => network.trim())
      .filter((network) => network !== ''),
  )
  .superRefine((found, context) => {
    for (const message of found.flatMap((network) => allowProblem(network) ?? []))
      context.addIssue({ code: 'custom', message });
  })
  .default([]);

const idRange = z
  .string()
  .regex(/^\d{1,10}-\d{1,10}$/, 'must be two numbers, as in 200000-265535')
  .transform((text) => {
    const [first = 0, last = 0] = text.split('-').map(Number);
    return { first, last };
  })
  .refine(({ first, last }) => first > 0 && first <= last && last < 2 ** 32 - 1, 'must go up, and not hold 0');

/** Addresses of which scheme, host and port count. */
const originsFrom = (byDefault: string) =>
  z
    .string()
    .default(byDefault)
    .transform((text) =>
      text
        .split(',')
        .map((address) => address.trim().replace(/\/+$/, ''))
        .filter((address) => address !== ''),
    )
    .refine(
      (found) => found.every((one) => URL.canParse(one) && /^https?:$/.test(new URL(one).protocol)),
      'must be addresses, as in https://registry.example.com, separated by commas',
    )
    .transform((found) => found.map((one) => new URL(one).origin));
const registries = originsFrom('https://registry-1.docker.io').refine(
  (found) => found.length > 0,
  'must be addresses, as in https://registry.example.com, separated by commas',
);

/** A path, or the address that engines and their tools call it by. */
const socket = z
  .string()
  .default('/var/run/docker.sock')
  .transform((text) => text.replace(/^unix:\/\//, ''))
  .refine((path) => path.startsWith('/'), 'must be the path of a socket, as in /run/podman/podman.sock');

const DEVICE = /^(?:all|\d{1,3}|[a-z0-9][\w.-]*\/[\w.-]+=[\w.:-]+)$/i;
const devices = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  )
  .refine(
    (names) => names.every((name) => DEVICE.test(name)),
    'must be all, a number of GPUs, or names of devices as in nvidia.com/gpu=0, separated by commas',
  );

const watts = z
  .string()
  .regex(/^\d{1,6}(\.\d{1,3})?,\d{1,6}(\.\d{1,3})?$/, 'must be two numbers of watts, as in 60,3.5')
  .transform((text) => {
    const [idle = 0, core = 0] = text.split(',').map((each) => Math.round(Number(each) * 1_000));
    return { idleMilliwatts: idle, coreMilliwatts: core };
  });

/** As a bill counts them: thousandths of a GHz. */
const ghz = z
  .string()
  .regex(/^\d{1,3}(\.\d{1,3})?$/, 'must be a number of GHz with at most three decimals, as in 2.6')
  .transform(Number)
  .refine((value) => value > 0, 'must be more than 0');

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
  /** Room for files of instances that is offered, in megabytes of a million bytes; 0 = what is free beyond the mark when the agent starts. */
  FORNAX_NODE_DISK_MB: intSetting({ min: 0, max: 1_000_000_000 }).default(0),
  /** Clock speed that work here is billed at: what one core does in a second. What the machine says of itself where it is not set. */
  FORNAX_NODE_GHZ: ghz.optional(),
  /** What the machine draws while nothing runs, and what each busy core adds: two numbers of watts, as in 60,3.5. Measured where it is not set and can be. */
  FORNAX_NODE_WATTS: watts.optional(),
  /** Where the machine stands, for the intensity of its electricity. */
  FORNAX_NODE_SITE: z.string().min(1).max(128).optional(),
  /** Leases that may wait here for each core, so that the next one begins when one ends; 0 = none. Only nodes that end them quickly are given any. */
  FORNAX_NODE_LEASES_AHEAD: intSetting({ min: 0, max: 1_000 }).default(8),
  /** What one instance may print in a second, on average; 0 = as much as its share is. */
  FORNAX_NODE_OUTPUT_BYTES_PER_S: intSetting({ min: 0, max: Number.MAX_SAFE_INTEGER }).default(33_554_432),
  /** Sandboxes made before they are needed, for instances like the last one; as many as cores, at most 8, where it is not set. */
  FORNAX_NODE_SANDBOXES_READY: intSetting({ min: 0, max: 256 }).optional(),
  /** With less than this free on the disk of its folder the node begins no instance, and ends those whose files take the room. */
  FORNAX_NODE_DISK_LOW_BYTES: intSetting({ min: 0, max: Number.MAX_SAFE_INTEGER }).default(100_000_000),
  /** What the files of one instance may take and how many they may be; 0 = as much as there is. */
  FORNAX_NODE_INSTANCE_DISK_BYTES: intSetting({ min: 0, max: Number.MAX_SAFE_INTEGER }).default(10_000_000_000),
  FORNAX_NODE_INSTANCE_FILES: intSetting({ min: 0, max: Number.MAX_SAFE_INTEGER }).default(1_000_000),
  /** How an instance changes its image, for itself: by an overlay, in copies, or as works here. */
  FORNAX_NODE_IMAGE_CHANGES: z.enum(['auto', 'overlay', 'copies']).default('auto'),
  /** Memory for files of secrets of all instances together; never more than half of /dev/shm. */
  FORNAX_NODE_SECRETS_BYTES: intSetting({ min: 33_554_432, max: Number.MAX_SAFE_INTEGER }).default(268_435_456),
  /** Inputs that are kept for later instances, on the disk of the node's folder; 0 = none. */
  FORNAX_NODE_CACHE_BYTES: intSetting({ min: 0, max: Number.MAX_SAFE_INTEGER }).default(10_000_000_000),
  /** How long a file of results waits for a storage that does not take it, from its first failure on. */
  FORNAX_NODE_RESULTS_PATIENCE_MS: intSetting({ min: 1, max: 86_400_000 }).default(600_000),
  /** Silence of the storage after which a request to it has failed. */
  FORNAX_NODE_STORAGE_SILENCE_MS: intSetting({ min: 1_000, max: 3_600_000 }).default(60_000),
  /** More folders that instances may not see, separated by colons. */
  FORNAX_NODE_HIDE: list,
  /** Folders below a home that instances may read nevertheless, separated by colons. */
  FORNAX_NODE_EXPOSE: list,
  /** Where instances look for programs, separated by colons; the exposed folders come after them. */
  FORNAX_NODE_PATH: list.default(STANDARD_PATH.slice()),
  /** `registry`: tasks of image profiles run in the image that they name; `host`: with the machine's files. */
  FORNAX_IMAGES: z.enum(['host', 'registry']).default('host'),
  /** Registries that images are pulled from; tasks that name none get theirs from the first. */
  FORNAX_NODE_IMAGE_REGISTRIES: registries,
  /** Where else registries may send on to, or have tokens given, although it is no public address, as in https://s3.example.internal, separated by commas. */
  FORNAX_NODE_IMAGE_SOURCES: originsFrom(''),
  /** Images that are kept, unpacked, on the disk of the node's folder; a larger one is not run. */
  FORNAX_NODE_IMAGE_BYTES: intSetting({ min: 1, max: Number.MAX_SAFE_INTEGER }).default(30_000_000_000),
  /** How long the pull of one image may take. */
  FORNAX_NODE_IMAGE_PULL_MS: intSetting({ min: 1_000, max: 86_400_000 }).default(1_800_000),
  /** Silence of a registry after which a request to it has failed. */
  FORNAX_NODE_IMAGE_SILENCE_MS: intSetting({ min: 100, max: 3_600_000 }).default(30_000),
  FORNAX_NODE_SANDBOX: z.enum(['auto', 'bubblewrap', 'unshare', 'process', 'container']).default('auto'),
  /** Of `container`: the socket of the engine, Docker or Podman. */
  FORNAX_NODE_ENGINE: socket,
  /** Its network for instances of profiles with access to the network; those are not run here without. */
  FORNAX_NODE_ENGINE_NETWORK: z
    .string()
    .regex(/^[a-zA-Z0-9][\w.-]*$/, 'must be the name of a network of the engine')
    .refine((name) => !['none', 'host', 'container'].includes(name), 'must be a network of the engine of its own')
    .optional(),
  /** GPUs and devices that each instance has: all, a number, or names of the container device interface, separated by commas. */
  FORNAX_NODE_ENGINE_DEVICES: devices,
  /** The image of tasks whose profile has none, as in library/debian:12; those are not run here without. */
  FORNAX_NODE_ENGINE_IMAGE: z.string().min(1).optional(),
  /** `host`: an operator accepts that instances share the network of this machine. */
  FORNAX_NODE_NETWORK: z.enum(['isolated', 'host']).default('isolated'),
  /** Networks that instances of profiles with access to the network may reach besides public addresses, as in 10.1.0.0/16, separated by commas. */
  FORNAX_NODE_NETWORK_ALLOW: networks,
  /** pasta, which lets those instances out, where it is not on PATH. */
  FORNAX_NODE_NETWORK_STACK: z.string().optional(),
  /** Of an agent that is root: user ids for its instances, as in 200000-265535. */
  FORNAX_NODE_USER_IDS: idRange.optional(),
  FORNAX_OTLP_ENDPOINT: z.url().optional(),
  FORNAX_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
  FORNAX_EXIT_WITH_PARENT: z.enum(['0', '1']).default('0'),
});

export interface AgentConfig extends Readonly<z.output<typeof schema>> {
  readonly workDir: string;
}

/** @throws ConfigError */
export const loadAgentConfig = (env: Env): AgentConfig => {
  const config = loadConfig(schema, env);
  if (config.FORNAX_NODE_SANDBOX === 'container' && config.FORNAX_IMAGES !== 'registry')
    throw new ConfigError('FORNAX_NODE_SANDBOX=container runs images alone: set FORNAX_IMAGES=registry, too');
  const workDir = resolve(
    config.FORNAX_NODE_DIR ?? join(config.FORNAX_DATA_DIR, 'nodes', encodeURIComponent(config.FORNAX_NODE_ID)),
  );
  return { ...config, workDir };
};
