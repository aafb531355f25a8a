import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type DataFolder, Guardian, describeError, openDataFolder, writePrivateFile } from '@fornax/embedded';
import { chooseAddresses, urlOf } from './addresses.js';
import { programsFolder, provideProgram } from './command-line.js';
import type { Addresses, Places } from './environment.js';
import { endLastRun } from './last-run.js';
import { LogDisk } from './log-disk.js';
import { Parts } from './parts.js';
import { Programs } from './programs.js';
import { askReadiness, tellRebuilds, waitUntilReady } from './readiness.js';
import { readRuntime, renderEnvFile, writeRuntime } from './runtime-files.js';
import type { Screen } from './screen/screen.js';
import { forForeignPrograms } from './secret-files.js';
import { Secrets } from './secrets.js';
import { Servers, portOf } from './servers.js';
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

/** Everything of one platform on this machine: brings it up, keeps it up, takes it down. */
export class LocalPlatform {
  private readonly run = randomUUID();
  private runtimeWritten: Promise<void> = Promise.resolve();
  private guardian: Guardian | undefined;
  private readonly ending = new AbortController();
  private watching: Promise<void> = Promise.resolve();
  private natsUrl = '';
  private readonly secrets: Secrets;
  private readonly parts: Parts;
  private servers: Servers | undefined;

  private constructor(
    private readonly context: LaunchContext,
    private readonly folder: DataFolder,
    readonly addresses: Addresses,
    private readonly places: Places,
  ) {
    const { programOf, screen, signal } = context;
    this.secrets = new Secrets(folder.path, places, context);
    this.parts = new Parts({
      data: folder.path,
      secrets: folder.secrets,
      run: this.run,
      programOf,
      screen,
      signal,
      onChanged: () => this.recordRuntime(),
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
    return this.parts.failure;
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
    this.ending.abort();
    await this.parts.stop();
    await this.end();
  }

  /** Ends everything at once, as a power cut would. */
  async kill(): Promise<void> {
    this.ending.abort();
    await this.parts.kill();
    await this.end();
  }

  private async end(): Promise<void> {
    await this.watching;
    await this.servers?.close();
    await this.runtimeWritten.catch(() => undefined);
    await this.guardian?.dismiss();
    await this.folder.close();
  }

  /** Aborts when the platform ends, whoever wanted that. */
  private get whileUp(): AbortSignal {
    return AbortSignal.any([this.signal, this.ending.signal]);
  }

  private get signal(): AbortSignal {
    return AbortSignal.any([this.context.signal, this.parts.failure]);
  }

  private async bringUp(): Promise<void> {
    const { screen, settings, env, signal } = this.context;
    const { addresses, places, parts, nodes, childEnv } = this;
    const lastNatsPort = portOf((await readRuntime(this.data))?.nats.url);
    await endLastRun(this.data, screen);
    this.guardian = await Guardian.start({ folder: this.data, marker: `FORNAX_RUN=${this.run}` });
    parts.guardedBy(this.guardian);
    await mkdir(join(this.data, 'logs'), { recursive: true, mode: 0o700 });
    // Before anything that needs them: what is lost is said at once, and a start that is killed leaves no data without its key.
    await this.secrets.prepare();
    const shared = { settings, parts, nodes, childEnv, screen, signal: this.signal };
    const { secrets, data } = this;
    const secretsFolder = this.folder.secrets;
    this.servers = new Servers({ ...shared, data, secrets, secretsFolder, lastNatsPort, wish: signal });
    const backends = await this.servers.start();
    this.natsUrl = backends.natsUrl;
    signal.throwIfAborted();
    await provideProgram(data, this.context.programOf('cli'));
    const identity = { email: this.email, token: await this.token() };
    await writePrivateFile(join(data, 'env'), renderEnvFile(addresses, identity, programsFolder(data)));
    const programs = new Programs({ ...shared, env, addresses, places });
    await programs.startServices(backends);
    const degraded = await waitUntilReady(urlOf(this.addresses.apiPort), {
      token: await this.secrets.metricsToken(),
      timeoutMs: settings.FORNAX_READY_TIMEOUT_MS,
      signal: this.signal,
      onWaiting: (why) => screen.say(`still starting: ${why}`),
      onStopped: (lines) => lines.forEach((line) => screen.say(line)),
    });
    for (const trouble of degraded) screen.say(`warning: ${trouble}`);
    if (degraded.length > 0) void this.tellRebuilds();
    await programs.startAgents(backends);
    await this.runtimeWritten;
    parts.noteReady();
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
          restart: () => this.parts.restart('nats'),
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

  /** Names of the nodes of this machine. */
  private get nodes(): readonly string[] {
    return Array.from({ length: this.context.settings.FORNAX_NODES }, (_, index) => `node-${index + 1}`);
  }

  private recordRuntime(): void {
    const { addresses } = this;
    const runtime = {
      run: this.run,
      launcher: process.pid,
      guardian: this.guardian?.pid ?? -1,
      api: { url: addresses.apiUrl, port: addresses.apiPort },
      storage: { url: addresses.storageUrl, port: addresses.storagePort },
      nats: { url: this.natsUrl },
      mode: this.context.settings.FORNAX_SERVICES ? ('services' as const) : ('platform' as const),
      pids: this.parts.pids(),
      logs: this.parts.logs(),
    };
    this.runtimeWritten = this.runtimeWritten.catch(() => undefined).then(() => writeRuntime(this.data, runtime));
    this.runtimeWritten.catch((error: unknown) =>
      this.context.screen.say(`warning: cannot write runtime.json: ${describeError(error)}`),
    );
  }
}
