import { join } from 'node:path';
import {
  FLEET_USER,
  type NatsServer,
  canAskAboutUsers,
  loadOrCreateIssuer,
  portState,
  provisionNats,
  startNats,
  startPostgres,
} from '@fornax/embedded';
import { consumersAs, provisionAs, retentionOf, serveConsumersAs } from '@fornax/event-store';
import { choosePort } from './addresses.js';
import { type Backends, externalNats, toolsDirOf } from './environment.js';
import { startServingAll } from './offline-streams.js';
import type { Parts } from './parts.js';
import type { Screen } from './screen/screen.js';
import type { Secrets } from './secrets.js';
import type { Settings } from './settings.js';

/** Of an address such as `nats://127.0.0.1:4222`; undefined when there is none, as for a server of somebody else. */
export const portOf = (url: string | undefined): number | undefined => {
  const port = url !== undefined && URL.canParse(url) ? Number(new URL(url).port) : 0;
  return port > 0 ? port : undefined;
};

export interface ServersOptions {
  readonly settings: Settings;
  /** The data folder. */
  readonly data: string;
  readonly secrets: Secrets;
  /** The folder of the secrets. */
  readonly secretsFolder: string;
  readonly parts: Parts;
  /** Of this machine. */
  readonly nodes: readonly string[];
  /** The environment of programs that are not ours. */
  readonly childEnv: NodeJS.ProcessEnv;
  /** Where the last start's NATS server listened. */
  readonly lastNatsPort: number | undefined;
  readonly screen: Screen;
  /** Aborted when everything is to stop. */
  readonly wish: AbortSignal;
  /** Aborted also when the start has failed. */
  readonly signal: AbortSignal;
}

/** Starts the servers that services stand on, but those of somebody else. */
export class Servers {
  private consumerMaker: Awaited<ReturnType<typeof serveConsumersAs>> | undefined;

  constructor(private readonly options: ServersOptions) {}

  /** Starts them at the same time. */
  async start(): Promise<Backends> {
    const { settings, screen, parts } = this.options;
    const external = (what: string, setting: string) =>
      screen.say(`using the ${what} of ${setting} instead of an embedded one`);
    if (settings.FORNAX_S3_ENDPOINT !== undefined) external('object storage', 'FORNAX_S3_ENDPOINT');
    if (settings.FORNAX_NATS_URL !== undefined) external('NATS server', 'FORNAX_NATS_URL');
    if (settings.FORNAX_DATABASE_URL !== undefined) external('database', 'FORNAX_DATABASE_URL');
    const nats = parts.pending(
      settings.FORNAX_NATS_URL === undefined ? this.startNats() : Promise.resolve(externalNats(settings)),
    );
    const database = parts.pending(
      settings.FORNAX_DATABASE_URL === undefined ? this.startPostgres() : Promise.resolve(settings.FORNAX_DATABASE_URL),
    );
    const [natsPart, databaseUrl] = await Promise.all([nats, database]);
    for (const warning of natsPart.warnings) screen.say(`warning: ${warning}`);
    return { ...natsPart, databaseUrl };
  }

  /** Ends what is not a process of its own. */
  async close(): Promise<void> {
    await this.consumerMaker?.close();
  }

  private async startNats(): Promise<Omit<Backends, 'databaseUrl'>> {
    const { settings, screen, parts } = this.options;
    const binary = await provisionNats({
      toolsDir: toolsDirOf(settings, this.options.data),
      source: settings.FORNAX_NATS_SOURCE,
      ...(settings.FORNAX_NATS_SERVER === undefined ? {} : { server: settings.FORNAX_NATS_SERVER }),
      env: this.options.childEnv,
      signal: this.options.signal,
      onProgress: (line) => screen.say(line),
    });
    this.options.wish.throwIfAborted();
    // An older server knows no users but those of its configuration: the nodes of this machine.
    const seedFile = join(this.options.secretsFolder, 'nats-issuer.seed');
    const callout = canAskAboutUsers(binary.version)
      ? await loadOrCreateIssuer(seedFile, this.options.secrets.onRenewed('nats-issuer.seed'))
      : undefined;
    let port = await this.chooseNatsPort();
    const dataDir = join(this.options.data, 'nats');
    const part = { signal: 'SIGTERM', logFile: join(dataDir, 'nats.log') } as const;
    const start = async () => {
      const started = await startNats({
        binary,
        dataDir,
        secretsFile: join(this.options.secretsFolder, 'nats.json'),
        host: settings.FORNAX_NATS_HOST,
        port,
        layout: settings.FORNAX_SERVICES ? 'services' : 'platform',
        nodes: settings.FORNAX_SIMULATED_FLEET ? [...this.options.nodes, FLEET_USER] : this.options.nodes,
        ...(callout === undefined ? {} : { callout }),
        env: this.options.childEnv,
        onRenewed: this.options.secrets.onRenewed('nats.json'),
      });
      port = started.port; // a restart keeps the address that everybody knows
      return started;
    };
    const makerOf = (started: NatsServer) => ({
      url: started.url,
      ...started.credentials.log,
      signal: this.options.signal,
    });
    // Services may make neither streams nor consumers.
    const prepare = async (started: NatsServer): Promise<void> => {
      await provisionAs(makerOf(started));
      this.consumerMaker ??= await serveConsumersAs(makerOf(started), {
        retentionMs: retentionOf(settings.FORNAX_LOG_RETENTION),
        graceMs: settings.FORNAX_LOG_RETENTION_GRACE_S * 1_000,
      });
    };
    const consumers = (started: NatsServer) => consumersAs(makerOf(started));
    const say = (line: string): void => screen.say(line);
    const server = await parts.addServer('nats', part, () =>
      startServingAll({ dataDir, start, prepare, consumers, say }),
    );
    screen.say(`NATS ${server.version} runs at ${server.url}`);
    return {
      natsUrl: server.url,
      natsService: (principal) => server.credentials.services[principal],
      natsNode: (node) => server.credentials.nodes[node],
      natsIssuerSeedFile: callout === undefined ? undefined : seedFile,
      warnings: server.warnings,
    };
  }

  /** The port that is asked for, else that of the last start, so that nodes that joined find the platform again. */
  private async chooseNatsPort(): Promise<number> {
    const { FORNAX_NATS_PORT: wanted } = this.options.settings;
    if (wanted !== 0) return choosePort(wanted, 'FORNAX_NATS_PORT', 'NATS');
    const last = this.options.lastNatsPort;
    return last !== undefined && (await portState(last)) === 'free' ? last : 0;
  }

  private async startPostgres(): Promise<string> {
    const { screen, parts } = this.options;
    let port = 0;
    const dataDir = join(this.options.data, 'postgres');
    const part = { signal: 'SIGINT', logFile: join(dataDir, 'postgres.log') } as const;
    const server = await parts.addServer('postgres', part, async () => {
      const started = await startPostgres({
        dataDir,
        secretsFile: join(this.options.secretsFolder, 'postgres'),
        port,
        env: this.options.childEnv,
        onProgress: (line) => screen.say(line),
      });
      port = started.port;
      return started;
    });
    screen.say(`PostgreSQL ${server.version} runs at 127.0.0.1:${server.port}`);
    return server.localUrl;
  }
}
