import { mkdir, statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONTROL_SERVICES, needsMasterKey } from '@fornax/contracts';
import { findFreePort, provisionPasta } from '@fornax/embedded';
import { urlOf } from './addresses.js';
import {
  type Addresses,
  type Backends,
  type Places,
  agentEnvironment,
  lowBytesOfNodes,
  natsVariables,
  overridden,
  serviceEnvironment,
  toolsDirOf,
  without,
} from './environment.js';
import { shareOf } from './node-share.js';
import type { Parts } from './parts.js';
import type { Screen } from './screen/screen.js';
import type { Env, Settings } from './settings.js';

export interface ProgramsOptions {
  readonly settings: Settings;
  readonly env: Env;
  readonly addresses: Addresses;
  readonly places: Places;
  readonly parts: Parts;
  /** Of this machine. */
  readonly nodes: readonly string[];
  /** The environment of programs that are not ours. */
  readonly childEnv: NodeJS.ProcessEnv;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

/** What tells a process the master keys. */
const KEY_SETTINGS: readonly string[] = [
  'FORNAX_MASTER_KEY',
  'FORNAX_MASTER_KEYS_READ',
  'FORNAX_MASTER_KEY_COMMAND',
  'FORNAX_MASTER_KEY_LOST',
];

/** Starts the programs of Fornax itself, with what they have to know. */
export class Programs {
  constructor(private readonly options: ProgramsOptions) {}

  /** One process, or one for each service and the router. */
  async startServices(backends: Backends): Promise<void> {
    const { settings, env, screen, parts, addresses, places } = this.options;
    const common = serviceEnvironment(env, settings, backends, addresses, places);
    const { apiPort, storagePort } = addresses;
    const storage = { FORNAX_STORAGE_PORT: String(storagePort) };
    if (!settings.FORNAX_SERVICES) {
      screen.say('starting the platform');
      const own = { ...storage, FORNAX_PORT: String(apiPort) };
      const variables = overridden(common, natsVariables(backends, 'platform'), own);
      await parts.addProgram('platform', 'platform', 'service', variables);
      return;
    }
    screen.say(`starting ${CONTROL_SERVICES.join(', ')} and the router`);
    const targets: Record<string, string> = {};
    for (const service of CONTROL_SERVICES) {
      const port = await findFreePort();
      targets[service] = urlOf(port);
      const own = { FORNAX_HTTP_PORT: String(port), ...(service === 'storage' ? storage : {}) };
      const variables = overridden(
        without(common, ['FORNAX_PORT', 'FORNAX_STORAGE_PORT', ...(needsMasterKey(service) ? [] : KEY_SETTINGS)]),
        natsVariables(backends, service),
        own,
        // The router is the one who tells them who asks. The S3 endpoint is not behind it: nobody's word counts there.
        service === 'storage' ? {} : trustsRouter(env),
      );
      await parts.addProgram(service, service, 'service', variables);
    }
    const forRouter = {
      FORNAX_PORT: String(apiPort),
      FORNAX_HTTP_PORT: String(apiPort),
      FORNAX_ROUTER_TARGETS: JSON.stringify(targets),
    };
    const inheritedByRouter = without(common, ['FORNAX_STORAGE_PORT', 'FORNAX_DATABASE_URL', ...KEY_SETTINGS]);
    await parts.addProgram('router', 'router', 'service', overridden(inheritedByRouter, forRouter));
  }

  /** One for each node of this machine. */
  async startAgents(backends: Backends): Promise<void> {
    const { settings, env, parts, addresses, nodes, places } = this.options;
    // An agent looks for it once, at its start, and says then whether its node lets instances out.
    await withinOrLater(parts.pending(this.provideWayOut()), WAY_OUT_MS);
    const machine = {
      cores: availableParallelism(),
      memoryMB: Math.floor(totalmem() / 1_048_576),
      diskMB: await freeDiskMB(places.data, lowBytesOfNodes(settings)),
    };
    for (const [index, id] of nodes.entries()) {
      const share = nodes.length > 1 ? { share: shareOf(machine, nodes.length, index) } : {};
      const folder = join(places.data, 'nodes', id);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await parts.addProgram(
        id,
        'node-agent',
        'agent',
        agentEnvironment(env, settings, backends, addresses, { id, folder, ...share }, places.data),
      );
    }
  }

  /** Makes tasks of profiles with access to the network possible; without, only they wait. */
  private async provideWayOut(): Promise<void> {
    const { screen, signal, settings, places, childEnv } = this.options;
    const toolsDir = toolsDirOf(settings, places.data);
    const options = { env: childEnv, signal: signal, onProgress: () => undefined };
    const reason = await provisionPasta(toolsDir, options).catch((error: unknown) => String(error));
    if (reason !== undefined && !signal.aborted)
      screen.say(
        `note: tasks of docker-network wait here until the package passt is installed and the platform started anew (${reason})`,
      );
  }
}

/** What is free beyond a mark, in megabytes of a million bytes: nodes on one disk share it. */
const freeDiskMB = async (folder: string, lowBytes: number): Promise<number> => {
  const { bavail, bsize } = await statfs(folder);
  return Math.floor(Math.max(0, bavail * bsize - lowBytes) / 1e6);
};

/** Without a network nothing else is held up for longer; the program is there at the next start then. */
const WAY_OUT_MS = 20_000;

const withinOrLater = async (work: Promise<void>, limitMs: number): Promise<void> => {
  const timer = new AbortController();
  const late = sleep(limitMs, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([work, late]).finally(() => timer.abort());
};

const trustsRouter = ({ FORNAX_TRUSTED_PROXIES: others = '' }: Env): Record<string, string> => ({
  FORNAX_TRUSTED_PROXIES: others === '' ? 'loopback' : `loopback,${others}`,
});
