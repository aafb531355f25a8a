import { mkdir, realpath, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import {
  counterOf,
  createLogger,
  endWithParent,
  type Env,
  keepMemoryOutOfCoreDumps,
  type Logger,
  observeGauge,
  onceStopped,
} from '@fornax/base';
import type { MetricsAnswer } from '@fornax/base/telemetry';
import { closeInherited, type Driver, type DriverFacts, SandboxDriver } from '@fornax/drivers';

import { type AgentConfig, loadAgentConfig } from '../config/config.js';
import type { KeyRing } from '../enrollment/key-ring.js';
import { UserError } from '../failure/user-error.js';
import type { ImageStoreOptions } from '../images/image-store.js';
import { Agent } from './agent.js';
import type { TaskImages } from '../instance/task-images.js';
import { InputCache } from '../input-cache/input-cache.js';
import { probeHardware } from '../hardware/hardware.js';
import { asConfigured } from '../hardware/what-it-runs.js';
import { measurePower } from '../hardware/power.js';
import { serveHttp } from './http-server.js';
import { allOf } from './fetchable.js';
import { WorkDisk } from './work-disk.js';

/**
 * Folders above the agent's own that their owner has closed to everybody else: the platform's data folder is one of them. An agent
 * of an ordinary user shares its user with its instances, so permissions alone would not hide it.
 */
const privateAncestors = async (folder: string): Promise<readonly string[]> => {
  const found: string[] = [];
  for (let at = dirname(resolve(folder)); at !== dirname(at); at = dirname(at)) {
    const { mode } = await stat(at);
    if ((mode & 0o077) === 0) found.push(at);
  }
  return found;
};

/** Sandboxes that wait to be used, unless a setting says how many. */
const MOST_READY = 8;

type Store = ConstructorParameters<typeof TaskImages>[0];

/** What runs instances here. */
interface OpenDriver {
  readonly driver: Driver;
  /** Opens what brings the images of tasks. */
  readonly openStore: (options: Omit<ImageStoreOptions, 'onForget'>) => Promise<Store>;
  /** Why nothing can begin now. */
  readonly trouble: () => string | undefined;
}

/** Containers of an engine. Loaded only where there is one. */
const openEngine = async (config: AgentConfig, log: Logger): Promise<OpenDriver> => {
  const { ContainerDriver, Engine } = await import('@fornax/drivers');
  const engine = new Engine(config.FORNAX_NODE_ENGINE);
  let trouble: string | undefined;
  const { FORNAX_NODE_USER_IDS: userIds } = config;
  const driver = new ContainerDriver({
    workDir: config.workDir,
    engine,
    expose: config.FORNAX_NODE_EXPOSE,
    secretsBytes: config.FORNAX_NODE_SECRETS_BYTES,
    network: config.FORNAX_NODE_NETWORK,
    wayOut: config.FORNAX_NODE_ENGINE_NETWORK,
    devices: config.FORNAX_NODE_ENGINE_DEVICES,
    ...(userIds === undefined ? {} : { userIds }),
    onEngine: (why) => {
      trouble = why;
      if (why === undefined) log.info({ engine: engine.socket }, 'the container engine answers again');
      else
        log.warn({ engine: engine.socket, why }, 'not ready: nothing begins here until the container engine answers');
    },
  });
  const openStore: OpenDriver['openStore'] = async ({ folder, ...options }) => {
    const { EngineImages } = await import('../images/engine-images.js');
    return EngineImages.open(engine, { ...options, file: `${folder}.json` });
  };
  return { driver, openStore, trouble: () => trouble };
};

const openDriver = async (config: AgentConfig, isContainer: boolean, log: Logger): Promise<OpenDriver> => {
  await mkdir(config.workDir, { recursive: true, mode: 0o700 });
  if (isContainer) return openEngine(config, log);
  const {
    FORNAX_NODE_SANDBOX: level,
    FORNAX_NODE_HIDE: hide,
    FORNAX_NODE_EXPOSE: expose,
    FORNAX_NODE_NETWORK: network,
    FORNAX_NODE_NETWORK_ALLOW: allowedNetworks,
    FORNAX_NODE_NETWORK_STACK: networkStack,
    FORNAX_NODE_USER_IDS: userIds,
    FORNAX_DATA_DIR: dataDir,
  } = config;
  const driver = new SandboxDriver({
    workDir: config.workDir,
    hide: [resolve(dataDir), ...(await privateAncestors(config.workDir)), ...hide],
    expose,
    // The program that runs us, so that a Node.js from somebody's home can be used by instances too.
    exposeByPath: [dirname(await realpath(process.execPath))],
    path: config.FORNAX_NODE_PATH,
    ready:
      config.FORNAX_NODE_SANDBOXES_READY ?? Math.min(MOST_READY, config.FORNAX_NODE_CORES || availableParallelism()),
    changes: config.FORNAX_NODE_IMAGE_CHANGES,
    secretsBytes: config.FORNAX_NODE_SECRETS_BYTES,
    network,
    allowedNetworks,
    ...(networkStack === undefined ? {} : { networkStack }),
    ...(level === 'auto' || level === 'container' ? {} : { level }),
    ...(userIds === undefined ? {} : { userIds }),
  });
  const openStore: OpenDriver['openStore'] = async (options) => {
    const { ImageStore } = await import('../images/image-store.js');
    return ImageStore.open({ ...options, onForget: (tree) => driver.forget(tree) });
  };
  return { driver, openStore, trouble: () => undefined };
};

/** None where instances can write what this process can: plain processes of its own user see its folder. */
const openCache = async (
  { FORNAX_NODE_CACHE_BYTES: mostBytes, workDir }: AgentConfig,
  { name }: DriverFacts,
  onError: (error: unknown) => void,
): Promise<InputCache | undefined> => {
  const isOpen = name === 'sandbox/process' && process.getuid?.() !== 0;
  if (mostBytes === 0 || isOpen) return undefined;
  return InputCache.open({ folder: join(workDir, 'cache'), mostBytes, onError });
};

/** Loaded only where images are run: what is in memory makes each start of an instance longer. */
const openImages = async (
  config: AgentConfig,
  { openStore }: OpenDriver,
  disk: WorkDisk,
  onError: (error: unknown) => void,
): Promise<TaskImages | undefined> => {
  if (config.FORNAX_IMAGES === 'host') return undefined;
  const [{ TaskImages: Images }, { imageNameOf }] = await Promise.all([
    import('../instance/task-images.js'),
    import('../images/image-name.js'),
  ]);
  const store = await openStore({
    folder: join(config.workDir, 'images'),
    mostBytes: config.FORNAX_NODE_IMAGE_BYTES,
    pullMs: config.FORNAX_NODE_IMAGE_PULL_MS,
    silenceMs: config.FORNAX_NODE_IMAGE_SILENCE_MS,
    sources: [...config.FORNAX_NODE_IMAGE_SOURCES, ...config.FORNAX_NODE_IMAGE_REGISTRIES],
    spare: () => disk.spare(),
    onError,
  });
  const { FORNAX_NODE_IMAGE_REGISTRIES: registries, FORNAX_NODE_ENGINE_IMAGE: fallback } = config;
  if (config.FORNAX_NODE_SANDBOX !== 'container') return new Images(store, registries);
  return new Images(store, registries, () => {
    if (fallback === undefined)
      throw new UserError('FX-IMAGE', 'This node runs images alone, and the profile of the task names none');
    const [, repository = fallback, tag = ''] = /^(.*?)(?::([\w][\w.-]*))?$/.exec(fallback) ?? [];
    return { name: imageNameOf({ server: '', repository, tag }, registries), runsAs: '' };
  });
};

interface Telemetry {
  metrics(accept?: string): Promise<MetricsAnswer>;
  shutdown(): Promise<void>;
}

/**
 * Loaded only where somebody wants it: each start of an instance forks this process, and a fork takes the longer the more is in its memory
 * (with all that a service loads 12.6 against 2.7 ms on two loaded cores, 2026-11-22).
 */
const openTelemetry = async ({
  FORNAX_OTLP_ENDPOINT: otlpEndpoint,
  FORNAX_NODE_HTTP_PORT: port,
}: AgentConfig): Promise<Telemetry | undefined> => {
  if (otlpEndpoint === undefined && port === 0) return undefined;
  const { startTelemetry } = await import('@fornax/base/telemetry');
  return startTelemetry({ service: 'node-agent', otlpEndpoint });
};

/** The whole process: reads settings, works until SIGTERM. `keys`: of a node that joined with a token. */
export const runAgent = async (env: Env, keys?: KeyRing): Promise<void> => {
  keepMemoryOutOfCoreDumps();
  const leftOpen = closeInherited();
  const config = loadAgentConfig(env);
  const log = createLogger('node-agent', config.FORNAX_LOG_LEVEL).child({ node: config.FORNAX_NODE_ID });
  if (leftOpen.length > 0) log.info({ descriptors: leftOpen }, 'closed what was left open to this agent');
  const stopped = onceStopped();
  if (config.FORNAX_EXIT_WITH_PARENT === '1') endWithParent();
  const telemetry = await openTelemetry(config);

  const isContainer = config.FORNAX_NODE_SANDBOX === 'container';
  const opened = await openDriver(config, isContainer, log);
  const { driver } = opened;
  const probing = driver.probe();
  // An engine may be away for long, and the agent is to end meanwhile.
  const probed = isContainer ? await Promise.race([probing, stopped.then(() => undefined)]) : await probing;
  if (!probed) return driver.close();
  const facts = asConfigured(probed, config);
  for (const warning of facts.warnings) log.warn({ driver: facts.name }, warning);
  const hardware = await probeHardware(config.workDir, {
    cores: config.FORNAX_NODE_CORES,
    memoryMB: config.FORNAX_NODE_MEMORY_MB,
    ghz: config.FORNAX_NODE_GHZ,
  });
  const power = config.FORNAX_NODE_WATTS ?? (await measurePower(hardware.cores));
  const site = config.FORNAX_NODE_SITE;
  const disk = new WorkDisk({
    folder: config.workDir,
    lowBytes: config.FORNAX_NODE_DISK_LOW_BYTES,
    mostMB: config.FORNAX_NODE_DISK_MB,
    onChange: (isFull) =>
      log.warn(
        { folder: config.workDir },
        isFull ? 'disk full: new instances wait until there is room' : 'there is room again for instances',
      ),
  });
  const { FORNAX_NATS_USER: user, FORNAX_NATS_PASSWORD: password } = config;
  const connecting = new AbortController();
  const ended = counterOf('fornax.instances');
  const cache = await openCache(config, facts, (error) => log.warn({ err: error }, 'the cache of inputs'));
  const images = await openImages(config, opened, disk, (error) => log.warn({ err: error }, 'the store of images'));
  const diskMB = config.FORNAX_NODE_DISK_MB || (await disk.offeredMB(allOf([cache, images])));
  observeGauge('fornax.inputs.cache.size', (result) => result.observe(cache?.bytes ?? 0));
  observeGauge('fornax.images.kept.size', (result) => result.observe(images?.allBytes ?? 0));
  const starting = Agent.start(
    {
      nodeId: config.FORNAX_NODE_ID,
      nats: {
        url: config.FORNAX_NATS_URL,
        ...(user === undefined ? {} : { user }),
        ...(password === undefined ? {} : { password }),
      },
      ...(keys ? { keys } : {}),
      storageUrl: config.FORNAX_PUBLIC_STORAGE_URL,
      patienceMs: config.FORNAX_NODE_RESULTS_PATIENCE_MS,
      silenceMs: config.FORNAX_NODE_STORAGE_SILENCE_MS,
      driver,
      facts,
      hardware: {
        ...hardware,
        ...(diskMB === undefined ? {} : { diskMB }),
        ...(power === undefined ? {} : { power }),
        ...(site === undefined ? {} : { site }),
      },
      log,
      disk,
      cache,
      images,
      diskBound: {
        folder: config.workDir,
        bound: { bytes: config.FORNAX_NODE_INSTANCE_DISK_BYTES, files: config.FORNAX_NODE_INSTANCE_FILES },
      },
      aheadPerCore: config.FORNAX_NODE_LEASES_AHEAD,
      outputBytesPerS: config.FORNAX_NODE_OUTPUT_BYTES_PER_S,
      onEnded: (outcome) => ended.add(1, { outcome }),
    },
    connecting.signal,
  );
  const agent = await Promise.race([starting, stopped.then(() => undefined)]);
  if (!agent) {
    connecting.abort();
    await driver.close();
    return;
  }
  observeGauge('fornax.leases', (result) => result.observe(agent.leases));
  const http =
    config.FORNAX_NODE_HTTP_PORT === 0
      ? undefined
      : await serveHttp(config.FORNAX_NODE_HTTP_PORT, {
          token: config.FORNAX_METRICS_TOKEN,
          isReady: () => agent.isReady && opened.trouble() === undefined,
          health: () => ({
            node: config.FORNAX_NODE_ID,
            driver: facts.name,
            warnings: [...facts.warnings, ...[opened.trouble() ?? []].flat()],
            leases: agent.leases,
          }),
          metrics: async (accept) => telemetry?.metrics(accept) ?? { type: 'text/plain', text: '' },
        });
  const signal = await stopped;
  log.info({ signal, instances: agent.leases }, 'stopping');
  await agent.close();
  http?.closeAllConnections();
  http?.close();
  await telemetry?.shutdown();
};
