import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { CONTROL_SERVICES } from '@fornax/contracts';
import {
  type DataFolder,
  FLEET_USER,
  type NatsServer,
  Guardian,
  type ProcessExit,
  type Running,
  type Setback,
  ServerProcess,
  SetupError,
  Supervisor,
  canAskAboutUsers,
  describeError,
  findFreePort,
  identify,
  loadOrCreateIssuer,
  logTail,
  openDataFolder,
  portState,
  provisionNats,
  provisionPasta,
  startNats,
  startPostgres,
  writePrivateFile,
} from '@fornax/embedded';
import { consumersAs, provisionAs, serveConsumersAs } from '@fornax/event-store';
import { chooseAddresses, choosePort, urlOf } from './addresses.js';
import {
  type Addresses,
  type Backends,
  type Places,
  agentEnvironment,
  toolsDirOf,
  externalNats,
  natsVariables,
  overridden,
  serviceEnvironment,
  without,
} from './environment.js';
import { endLastRun } from './last-run.js';
import { LogDisk } from './log-disk.js';
import { startServingAll } from './offline-streams.js';
import { lastWords } from './last-words.js';
import { shareOf } from './node-share.js';
import { askReadiness, tellRebuilds, waitUntilReady } from './readiness.js';
import { Secrets } from './secrets.js';
import { readRuntime, renderEnvFile, writeRuntime } from './runtime-files.js';
import type { Screen } from './screen/screen.js';
import { forForeignPrograms, withSecretFiles } from './secret-files.js';
import type { Env, Settings } from './settings.js';
import { watchHealth } from './watch-health.js';

export interface LaunchContext {
  readonly settings: Settings;
  readonly env: Env;
  /** The program of an app (`platform`, `router`, `node-agent`, a service). */
  readonly programOf: (app: string) => string;
  readonly screen: Screen;
  /** Aborted when everything is to stop. */
  readonly signal: AbortSignal;
  /** Told before anything runs, so that a hurried person can end a platform that is still starting. */
  readonly onCreated?: (platform: LocalPlatform) => void;
}

/** Order in which parts end, here and by the guardian. */
const STAGE = { agent: 0, service: 1, server: 2 } as const;
type Role = keyof typeof STAGE;

/** Together well under ten seconds, even when every part has to be killed. */
const GRACE_MS = { agent: 2_500, service: 2_500 } as const;

/** A process of ours that ends this often before the platform was ready will not become ready. */
const START_FAILURES = 4;

/** Exit code of a part that cannot run here until somebody changes something (sysexits.h). */
const EX_CONFIG = 78;

/** Exit code of a part that wants to be started again: what it holds in memory is of no use any more (sysexits.h). */
const EX_TEMPFAIL = 75;

interface Part {
  readonly role: Role;
  readonly signal: 'SIGTERM' | 'SIGINT';
  readonly logFile: string;
}

const exitText = ({ code, signal }: ProcessExit): string => (signal === null ? `code ${code}` : signal);

/** Of an address such as `nats://127.0.0.1:4222`; undefined when there is none, as for a server of somebody else. */
const portOf = (url: string | undefined): number | undefined => {
  const port = url !== undefined && URL.canParse(url) ? Number(new URL(url).port) : 0;
  return port > 0 ? port : undefined;
};

/** Everything of one platform on this machine: brings it up, keeps it up, takes it down. */
export class LocalPlatform {
  private readonly parts = new Map<string, Part>();
  private readonly hasFailed = new Set<string>();
  private readonly failed = new AbortController();
  private readonly run = randomUUID();
  private readonly supervisor: Supervisor;
  private readonly pendingStarts: Promise<unknown>[] = [];
  private runtimeWritten: Promise<void> = Promise.resolve();
  private guardian: Guardian | undefined;
  private isReady = false;
  private isEnding = false;
  private readonly ending = new AbortController();
  private watching: Promise<void> = Promise.resolve();
  private natsUrl = '';
  private lastNatsPort: number | undefined;
  private readonly secrets: Secrets;
  private consumerMaker: Awaited<ReturnType<typeof serveConsumersAs>> | undefined;

  private constructor(
    private readonly context: LaunchContext,
    private readonly folder: DataFolder,
    readonly addresses: Addresses,
    private readonly places: Places,
  ) {
    this.secrets = new Secrets(folder.path, places, context);
    this.supervisor = new Supervisor({
      onStarted: (name, running) => this.noteStart(name, running),
      onCrashed: (name, exit, setback) =>
        this.noteCrash(name, `ended unexpectedly (${exitText(exit)})`, setback, exit.code),
      onRestartFailed: (name, error, setback) =>
        this.noteCrash(name, `did not start: ${describeError(error)}`, setback),
    });
  }

  /**
   * Takes the data folder, brings everything up and resolves once the platform is ready.
   * @throws SetupError something has to be changed first; nothing is left running
   */
  static async start(context: LaunchContext): Promise<LocalPlatform> {
    const { settings, screen } = context;
    const folder = await openDataFolder(settings.FORNAX_DATA_DIR, {
      onProgress: (line) => screen.say(line),
      // More than below which commands are refused: a start must be of use.
      minimumFreeBytes: settings.FORNAX_DISK_LOW_BYTES * 1.5,
    });
    let platform: LocalPlatform | undefined;
    try {
      const addresses = await chooseAddresses(settings);
      const places: Places = {
        data: folder.path,
        masterKeyFile: settings.FORNAX_MASTER_KEY_FILE ?? join(folder.secrets, 'master.key'),
        tokenFile: join(folder.secrets, 'token'),
        metricsTokenFile: join(folder.secrets, 'metrics-token'),
        objects: settings.FORNAX_OBJECTS_DIR ?? join(folder.path, 'objects'),
        watched: [
          ...(settings.FORNAX_NATS_URL === undefined ? [join(folder.path, 'nats')] : []),
          ...(settings.FORNAX_DATABASE_URL === undefined ? [join(folder.path, 'postgres')] : []),
          settings.FORNAX_OBJECTS_DIR ?? join(folder.path, 'objects'),
        ],
      };
      platform = new LocalPlatform(context, folder, addresses, places);
      context.onCreated?.(platform);
      await platform.bringUp();
      return platform;
    } catch (error) {
      if (platform === undefined) await folder.close();
      else await platform.stop();
      throw error;
    }
  }

  /** Aborted, with a SetupError, when a part cannot run here at all. */
  get failure(): AbortSignal {
    return this.failed.signal;
  }

  get data(): string {
    return this.folder.path;
  }

  get email(): string {
    return this.context.settings.FORNAX_BOOTSTRAP_EMAIL;
  }

  get tokenFile(): string {
    return this.places.tokenFile;
  }

  /** The token of the first user; the same at every start. */
  token(): Promise<string> {
    return this.secrets.token();
  }

  /** Ends agents, services, servers, in this order, in under ten seconds. Safe to repeat. */
  async stop(): Promise<void> {
    this.isEnding = true;
    this.ending.abort();
    const byRole = (role: Role) => this.supervisor.names.filter((name) => this.parts.get(name)?.role === role);
    await this.supervisor.stop([byRole('agent'), byRole('service'), byRole('server')]);
    await Promise.allSettled(this.pendingStarts);
    await this.end();
  }

  /** Ends everything at once, as a power cut would. */
  async kill(): Promise<void> {
    this.isEnding = true;
    this.ending.abort();
    await this.supervisor.kill();
    await this.end();
  }

  private async end(): Promise<void> {
    await this.watching;
    await this.consumerMaker?.close();
    await this.runtimeWritten.catch(() => undefined);
    await this.guardian?.dismiss();
    await this.folder.close();
  }

  /** Aborts when the platform ends, whoever wanted that. */
  private get whileUp(): AbortSignal {
    return AbortSignal.any([this.signal, this.ending.signal]);
  }

  private get signal(): AbortSignal {
    return AbortSignal.any([this.context.signal, this.failed.signal]);
  }

  private async bringUp(): Promise<void> {
    const { screen, settings, signal } = this.context;
    this.lastNatsPort = portOf((await readRuntime(this.data))?.nats.url);
    await endLastRun(this.data, screen);
    this.guardian = await Guardian.start({ folder: this.data, marker: `FORNAX_RUN=${this.run}` });
    await mkdir(join(this.data, 'logs'), { recursive: true, mode: 0o700 });
    // Before anything that needs them: what is lost is said at once, and a start that is killed leaves no data without its key.
    await this.secrets.prepare();
    const backends = await this.startBackends();
    signal.throwIfAborted();
    await writePrivateFile(join(this.data, 'env'), renderEnvFile(this.addresses, this.email, await this.token()));
    await this.startServices(backends);
    const degraded = await waitUntilReady(urlOf(this.addresses.apiPort), {
      token: await this.secrets.metricsToken(),
      timeoutMs: settings.FORNAX_READY_TIMEOUT_MS,
      signal: this.signal,
      onWaiting: (why) => screen.say(`still starting: ${why}`),
      onStopped: (lines) => lines.forEach((line) => screen.say(line)),
    });
    for (const trouble of degraded) screen.say(`warning: ${trouble}`);
    if (degraded.length > 0) void this.tellRebuilds();
    await this.startAgents(backends);
    await this.runtimeWritten;
    this.isReady = true;
    this.watchHealth();
  }

  /** What an update folds anew takes a while after "ready". */
  private async tellRebuilds(): Promise<void> {
    const { screen } = this.context;
    const told = await tellRebuilds(urlOf(this.addresses.apiPort), {
      token: await this.secrets.metricsToken(),
      signal: this.whileUp,
      onProgress: (text) => screen.say(text),
    });
    if (told > 0 && !this.whileUp.aborted) screen.say('all read models are folded by this release now');
  }

  /** Says on the screen what keeps the platform from serving, and starts a nats-server again that still refuses after its disk was full. */
  private watchHealth(): void {
    const { settings, screen } = this.context;
    const ownsNats = settings.FORNAX_NATS_URL === undefined;
    const keeper = ownsNats
      ? new LogDisk({
          folder: join(this.data, 'nats'),
          lowBytes: settings.FORNAX_DISK_LOW_BYTES,
          say: (line) => screen.say(line),
          restart: () => this.supervisor.restart('nats'),
        })
      : undefined;
    this.watching = watchHealth({
      signal: this.whileUp,
      ask: async () => askReadiness(urlOf(this.addresses.apiPort), await this.secrets.metricsToken()),
      say: (line) => screen.say(line),
      onLook: (reasons) => keeper?.look(reasons) ?? Promise.resolve(),
    });
  }

  private get childEnv(): NodeJS.ProcessEnv {
    return { ...forForeignPrograms(this.context.env), FORNAX_RUN: this.run };
  }

  private async startBackends(): Promise<Backends> {
    const { settings, screen } = this.context;
    const external = (what: string, setting: string) =>
      screen.say(`using the ${what} of ${setting} instead of an embedded one`);
    if (settings.FORNAX_S3_ENDPOINT !== undefined) external('object storage', 'FORNAX_S3_ENDPOINT');
    if (settings.FORNAX_NATS_URL !== undefined) external('NATS server', 'FORNAX_NATS_URL');
    if (settings.FORNAX_DATABASE_URL !== undefined) external('database', 'FORNAX_DATABASE_URL');
    const nats = this.pending(
      settings.FORNAX_NATS_URL === undefined ? this.startNats() : Promise.resolve(externalNats(settings)),
    );
    const database = this.pending(
      settings.FORNAX_DATABASE_URL === undefined ? this.startPostgres() : Promise.resolve(settings.FORNAX_DATABASE_URL),
    );
    const [natsPart, databaseUrl] = await Promise.all([nats, database]);
    this.natsUrl = natsPart.natsUrl;
    for (const warning of natsPart.warnings) screen.say(`warning: ${warning}`);
    return { ...natsPart, databaseUrl };
  }

  private pending<T>(start: Promise<T>): Promise<T> {
    this.pendingStarts.push(start);
    return start;
  }

  private async startNats(): Promise<Omit<Backends, 'databaseUrl'>> {
    const { settings, screen } = this.context;
    const binary = await provisionNats({
      toolsDir: toolsDirOf(settings, this.data),
      source: settings.FORNAX_NATS_SOURCE,
      ...(settings.FORNAX_NATS_SERVER === undefined ? {} : { server: settings.FORNAX_NATS_SERVER }),
      env: this.childEnv,
      signal: this.signal,
      onProgress: (line) => screen.say(line),
    });
    this.context.signal.throwIfAborted();
    // An older server knows no users but those of its configuration: the nodes of this machine.
    const seedFile = join(this.folder.secrets, 'nats-issuer.seed');
    const callout = canAskAboutUsers(binary.version)
      ? await loadOrCreateIssuer(seedFile, this.secrets.onRenewed('nats-issuer.seed'))
      : undefined;
    let port = await this.chooseNatsPort();
    const dataDir = join(this.data, 'nats');
    this.parts.set('nats', { role: 'server', signal: 'SIGTERM', logFile: join(dataDir, 'nats.log') });
    const start = async () => {
      const started = await startNats({
        binary,
        dataDir,
        secretsFile: join(this.folder.secrets, 'nats.json'),
        host: settings.FORNAX_NATS_HOST,
        port,
        layout: settings.FORNAX_SERVICES ? 'services' : 'platform',
        nodes: settings.FORNAX_SIMULATED_FLEET ? [...this.nodes, FLEET_USER] : this.nodes,
        ...(callout === undefined ? {} : { callout }),
        env: this.childEnv,
        onRenewed: this.secrets.onRenewed('nats.json'),
      });
      port = started.port; // a restart keeps the address that everybody knows
      return started;
    };
    const makerOf = (started: NatsServer) => ({ url: started.url, ...started.credentials.log, signal: this.signal });
    // Services may make neither streams nor consumers.
    const prepare = async (started: NatsServer): Promise<void> => {
      await provisionAs(makerOf(started));
      this.consumerMaker ??= await serveConsumersAs(makerOf(started));
    };
    const consumers = (started: NatsServer) => consumersAs(makerOf(started));
    const say = (line: string): void => screen.say(line);
    const server = await this.supervisor.add('nats', () =>
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
    const { FORNAX_NATS_PORT: wanted } = this.context.settings;
    if (wanted !== 0) return choosePort(wanted, 'FORNAX_NATS_PORT', 'NATS');
    const last = this.lastNatsPort;
    return last !== undefined && (await portState(last)) === 'free' ? last : 0;
  }

  private async startPostgres(): Promise<string> {
    const { screen } = this.context;
    let port = 0;
    const dataDir = join(this.data, 'postgres');
    this.parts.set('postgres', { role: 'server', signal: 'SIGINT', logFile: join(dataDir, 'postgres.log') });
    const server = await this.supervisor.add('postgres', async () => {
      const started = await startPostgres({
        dataDir,
        secretsFile: join(this.folder.secrets, 'postgres'),
        port,
        env: this.childEnv,
        onProgress: (line) => screen.say(line),
      });
      port = started.port;
      return started;
    });
    screen.say(`PostgreSQL ${server.version} runs at 127.0.0.1:${server.port}`);
    return server.url;
  }

  private async startServices(backends: Backends): Promise<void> {
    const { settings, env, screen } = this.context;
    const common = serviceEnvironment(env, settings, backends, this.addresses, this.places);
    const { apiPort, storagePort } = this.addresses;
    const storage = { FORNAX_STORAGE_PORT: String(storagePort) };
    if (!settings.FORNAX_SERVICES) {
      screen.say('starting the platform');
      const own = { ...storage, FORNAX_PORT: String(apiPort) };
      const variables = overridden(common, natsVariables(backends, 'platform'), own);
      await this.startProgram('platform', 'platform', 'service', variables);
      return;
    }
    screen.say(`starting ${CONTROL_SERVICES.join(', ')} and the router`);
    const targets: Record<string, string> = {};
    for (const service of CONTROL_SERVICES) {
      const port = await findFreePort();
      targets[service] = urlOf(port);
      const own = { FORNAX_HTTP_PORT: String(port), ...(service === 'storage' ? storage : {}) };
      const variables = overridden(
        without(common, ['FORNAX_PORT', 'FORNAX_STORAGE_PORT']),
        natsVariables(backends, service),
        own,
        // The router is the one who tells them who asks. The S3 endpoint is not behind it: nobody's word counts there.
        service === 'storage' ? {} : trustsRouter(env),
      );
      await this.startProgram(service, service, 'service', variables);
    }
    const forRouter = {
      FORNAX_PORT: String(apiPort),
      FORNAX_HTTP_PORT: String(apiPort),
      FORNAX_ROUTER_TARGETS: JSON.stringify(targets),
    };
    const inheritedByRouter = without(common, ['FORNAX_STORAGE_PORT', 'FORNAX_DATABASE_URL', 'FORNAX_MASTER_KEY']);
    await this.startProgram('router', 'router', 'service', overridden(inheritedByRouter, forRouter));
  }

  private get nodes(): readonly string[] {
    return Array.from({ length: this.context.settings.FORNAX_NODES }, (_, index) => `node-${index + 1}`);
  }

  /** Makes tasks of profiles with access to the network possible, while everything else starts; without, only they fail. */
  private async provideWayOut(): Promise<void> {
    const { screen } = this.context;
    const toolsDir = toolsDirOf(this.context.settings, this.data);
    const options = { env: this.childEnv, signal: this.signal, onProgress: () => undefined };
    const reason = await provisionPasta(toolsDir, options).catch((error: unknown) => String(error));
    if (reason !== undefined && !this.signal.aborted)
      screen.say(`note: tasks of docker-network fail here until the package passt is installed (${reason})`);
  }

  private async startAgents(backends: Backends): Promise<void> {
    const { settings, env } = this.context;
    void this.pending(this.provideWayOut());
    const machine = { cores: availableParallelism(), memoryMB: Math.floor(totalmem() / 1_048_576) };
    for (const [index, id] of this.nodes.entries()) {
      const share = this.nodes.length > 1 ? { share: shareOf(machine, this.nodes.length, index) } : {};
      const folder = join(this.data, 'nodes', id);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await this.startProgram(
        id,
        'node-agent',
        'agent',
        agentEnvironment(env, settings, backends, this.addresses, { id, folder, ...share }, this.data),
      );
    }
  }

  private async startProgram(
    name: string,
    app: string,
    role: 'agent' | 'service',
    env: Readonly<Record<string, string>>,
  ): Promise<void> {
    const logFile = join(this.data, 'logs', `${name}.log`);
    this.parts.set(name, { role, signal: 'SIGTERM', logFile });
    const variables = await withSecretFiles(env, join(this.folder.secrets, 'processes', name));
    await this.supervisor.add(name, async (): Promise<Running> => {
      const child = await ServerProcess.spawn(process.execPath, {
        args: ['--enable-source-maps', this.context.programOf(app)],
        env: { ...variables, FORNAX_RUN: this.run },
        cwd: this.data,
        logFile,
      });
      return {
        pid: child.pid,
        exited: child.exited,
        stop: async () => void (await child.stop([{ signal: 'SIGTERM', graceMs: GRACE_MS[role] }])),
        kill: async () => void (await child.stop([])),
      };
    });
  }

  private noteStart(name: string, running: Running): void {
    const part = this.parts.get(name);
    const id = identify(running.pid);
    if (part !== undefined && id !== undefined)
      this.guardian?.guard({ ...id, stage: STAGE[part.role], signal: part.signal });
    if (this.hasFailed.has(name)) this.context.screen.say(`${name} runs again`);
    this.recordRuntime();
  }

  private noteCrash(name: string, what: string, { failures, restartInMs }: Setback, code: number | null = null): void {
    if (this.isEnding || this.context.signal.aborted) return;
    this.hasFailed.add(name);
    // What it says there is for the operator; starting it again would only say it again. After another failure it may still be about what
    // that one left behind.
    if (code === EX_CONFIG && (failures === 1 || failures >= START_FAILURES)) return this.giveUp(name, lastWords);
    if (code === EX_TEMPFAIL) {
      this.context.screen.say(`${name} begins anew, as it asked for`);
      return;
    }
    this.context.screen.say(`${name} ${what}; starting it again in ${restartInMs} ms`);
    if (this.isReady || failures < START_FAILURES) return;
    this.giveUp(name);
  }

  private giveUp(name: string, partOf: (tail: string) => string = (tail) => tail): void {
    const { logFile = '' } = this.parts.get(name) ?? {};
    const tail = partOf(logTail(logFile));
    this.failed.abort(new SetupError(`${name} does not start. The end of its log, ${logFile}:\n${tail}`));
  }

  private recordRuntime(): void {
    const { addresses } = this;
    const pids = Object.fromEntries(
      this.supervisor.names.flatMap((name) => {
        const pid = this.supervisor.pidOf(name);
        return pid === undefined ? [] : [[name, pid] as const];
      }),
    );
    const logs = Object.fromEntries([...this.parts].map(([name, { logFile }]) => [name, logFile]));
    const runtime = {
      run: this.run,
      launcher: process.pid,
      guardian: this.guardian?.pid ?? -1,
      api: { url: addresses.apiUrl, port: addresses.apiPort },
      storage: { url: addresses.storageUrl, port: addresses.storagePort },
      nats: { url: this.natsUrl },
      mode: this.context.settings.FORNAX_SERVICES ? ('services' as const) : ('platform' as const),
      pids,
      logs,
    };
    this.runtimeWritten = this.runtimeWritten.catch(() => undefined).then(() => writeRuntime(this.data, runtime));
    this.runtimeWritten.catch((error: unknown) =>
      this.context.screen.say(`warning: cannot write runtime.json: ${describeError(error)}`),
    );
  }
}

const trustsRouter = ({ FORNAX_TRUSTED_PROXIES: others = '' }: Env): Record<string, string> => ({
  FORNAX_TRUSTED_PROXIES: others === '' ? 'loopback' : `loopback,${others}`,
});
