import { createHash } from 'node:crypto';
import { chmodSync, chownSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';

import type {
  Driver,
  DriverFacts,
  InstanceCommand,
  InstanceSpec,
  PreparedInstance,
  RunningInstance,
} from '../driver/driver.js';
import { AgentLock } from '../process/agent-lock.js';
import { FifoPool } from '../process/fifo-pool.js';
import { diskUse, filesIn, filesUse } from '../process/disk-use.js';
import { initProgram } from '../process/init-program.js';
import { findByUser } from '../process/proc.js';
import { spawnStarted } from '../process/spawn-started.js';
import type { EnterStart } from '../sandbox/entered-commands.js';
import { STANDARD_PATH } from '../sandbox/host-view.js';
import { sweep } from '../sandbox/left-behind.js';
import { isRoot, ISOLATED_PATHS, ramfsBytes } from '../sandbox/level.js';
import { assertOwn, handOver, makeOwnFolders, removeFolder } from '../sandbox/own-folders.js';
import { launch, type LaunchedInstance } from '../sandbox/running-instance.js';
import { SecretFolders } from '../sandbox/secret-folders.js';
import { chooseIds, type IdRange, type Owner, USER_IDS_DIR, UserIds } from '../sandbox/user-ids.js';
import { Warden } from '../warden/warden.js';
import { ContainerGroup } from './container-group.js';
import { containerRequest, deviceProblem, gpusOf } from './container-request.js';
import { Engine, EngineAway, type EngineFacts, EngineRefused } from './engine.js';
import { EngineWatch } from './engine-watch.js';
import { Leaving } from './leaving.js';
import { startContainer } from './start-container.js';
import { MaskTrials } from './try-mask.js';

export interface ContainerOptions {
  /** Folder of this agent alone; holds the files of instances while they run. The engine sees it under the same name. */
  readonly workDir: string;
  readonly engine: Engine;
  /** Folders of the machine that instances may read. */
  readonly expose?: readonly string[];
  readonly maxProcesses?: number;
  /** Memory for secrets of all instances together, at most; never more than half of the memory that there is for files. */
  readonly secretsBytes?: number;
  /** `host`: instances share the network of this machine, whatever they ask for. Else each has one of its own, with nothing in it. */
  readonly network?: 'isolated' | 'host';
  /** The network of the engine that instances with a way out are in; absent: there is none for them. */
  readonly wayOut?: string | undefined;
  /** GPUs and devices that each instance has: `all`, a number, or names of the container device interface. */
  readonly devices?: readonly string[];
  /** Of an agent that is root: user ids for its instances, and where the agents of this machine agree on them. */
  readonly userIds?: IdRange;
  readonly userIdsDir?: string;
  /** The engine is away, and why; or is there again. */
  readonly onEngine?: (trouble: string | undefined) => void;
}

const DEFAULT_MAX_PROCESSES = 4_096;
/** Containers that an engine makes at a time: more at once take longer, each of them. */
const AT_ONCE = 8;
const LABEL = 'org.fornax.agent';
const NAME_TRIES = 5;

/**
 * Runs instances in containers of an engine, Docker or Podman, by its API. The engine makes and removes them; what happens in between is between this agent and
 * the first process of each, which is that of every sandbox: what it runs, prints and tells comes by pipes, so an instance does not notice an engine that is away.
 */
export class ContainerDriver implements Driver {
  readonly #options: ContainerOptions;
  readonly #name: string;
  readonly #lock: AgentLock;
  readonly #engine: Engine;
  readonly #pipes: FifoPool;
  readonly #watch: EngineWatch;
  readonly #leaving: Leaving;
  readonly #mask: MaskTrials;
  readonly #ids = new Set<string>();
  readonly #live = new Map<string, LaunchedInstance>();
  readonly #waiting: (() => void)[] = [];
  #starting = 0;
  #made = 0;
  #facts: EngineFacts | undefined;
  #users: UserIds | undefined;
  #warden: Warden | undefined;
  #secrets: SecretFolders | undefined;
  #init = '';
  /** Starts what enters an instance. */
  readonly #enter: EnterStart = {
    input: () => this.#pipes.takeInput(),
    start: (argv, input) => spawnStarted(argv, {}, this.#pipes, undefined, input),
  };

  constructor(options: ContainerOptions) {
    this.#options = { ...options, workDir: resolve(options.workDir) };
    this.#name = createHash('sha256').update(this.#options.workDir).digest('hex').slice(0, 12);
    this.#lock = new AgentLock(this.#options.workDir);
    this.#engine = options.engine;
    this.#mask = new MaskTrials(this, this.#engine, this.#name);
    this.#pipes = new FifoPool(join(this.#options.workDir, 'pipes'));
    this.#watch = new EngineWatch(() => this.#engine.ping(), options.onEngine);
    this.#leaving = new Leaving((name) => this.#engine.remove(name));
  }

  /** Waits for the engine as long as it takes. @throws Error this machine, or this agent, cannot use it */
  async probe(): Promise<DriverFacts> {
    const { workDir, network, wayOut } = this.#options;
    await mkdir(workDir, { recursive: true, mode: 0o700 });
    const lockText = await this.#lock.take();
    this.#init = await initProgram();
    await this.#watch.untilThere();
    const facts = (this.#facts = await this.#engine.about());
    const problem = deviceProblem(this.#devices, facts.name);
    if (problem !== undefined) throw new Error(problem);
    // Whatever an earlier process of this agent left: nobody may run in it while another is given the same work.
    for (const id of await this.#engine.withLabel(this.#label)) await this.#engine.remove(id);
    this.#secrets = await SecretFolders.open(this.#name, this.#options.secretsBytes);
    await mkdir(this.#instancesDir, { recursive: true, mode: 0o711 });
    await assertOwn(this.#instancesDir);
    await sweep(this.#instancesDir);
    if (this.#hasOwnUsers) {
      const { userIds, userIdsDir = USER_IDS_DIR } = this.#options;
      this.#users = new UserIds(await chooseIds(userIds), userIdsDir, this.#instancesDir);
    }
    this.#warden = await Warden.start({
      agentPid: process.pid,
      lock: { path: this.#lock.path, text: lockText },
      instancesDir: this.#instancesDir,
      groups: [],
      isScattered: false,
      hasOwnUsers: this.#hasOwnUsers,
      engine: { socket: this.#engine.socket, label: this.#label },
    });
    this.#watch.start();
    const noWaysIn = await this.#whyNoWaysIn(facts);
    const mask = await this.#mask.ask();
    const missing = (['memory', 'cpu', 'pids'] as const).filter((limit) => !facts.limits.includes(limit));
    return {
      name: `container/${facts.name}`,
      warnings: [
        ...(missing.length > 0
          ? [
              `the engine limits no ${missing.join(', ')}: ${missing.includes('memory') ? 'memory is watched, not enforced; ' : ''}the rest is unlimited`,
            ]
          : []),
        ...(network === 'host'
          ? ['the network is shared with the host: instances can reach its loopback ports']
          : wayOut === undefined
            ? [
                'instances of profiles with access to the network are not run here: FORNAX_NODE_ENGINE_NETWORK names no network of the engine for them',
              ]
            : []),
        ...(mask.kind === 'refused'
          ? [
              `DOCKER_USER and the USER of an image have no effect here: the engine permits no user namespace in its containers (${mask.why})`,
            ]
          : mask.kind === 'not-known'
            ? [
                `it could not be tried whether DOCKER_USER and the USER of an image have an effect here (${mask.why}): it is tried again when a task asks for it`,
              ]
            : []),
        ...(noWaysIn === undefined ? [] : [`ports of instances are not forwarded here: ${noWaysIn}`]),
      ],
      limits: facts.limits,
      path: STANDARD_PATH.join(':'),
      wayOut: network === 'host' || wayOut !== undefined,
      waysIn: noWaysIn === undefined,
      images: true,
      hostPrograms: false,
      gpus: gpusOf(this.#devices),
      laysOver: false,
      masksUsers: mask.kind === 'works',
    };
  }

  async masksUsers(): Promise<boolean> {
    return (await this.#mask.ask()).kind === 'works';
  }

  allow(forMs: number): void {
    this.#warden?.allow(forMs);
  }

  async prepare(spec: InstanceSpec): Promise<PreparedInstance> {
    if (this.#ids.has(spec.id)) throw new Error(`there is an instance ${spec.id} here already`);
    this.#ids.add(spec.id);
    try {
      return await this.#prepare(spec);
    } catch (error) {
      this.#ids.delete(spec.id);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#watch.close();
    const exits = [...this.#live.values()].map((running) => {
      running.kill();
      return running.exit;
    });
    await Promise.all(exits);
    await this.#warden?.dismiss();
    await this.#leaving.close();
    await this.#users?.close();
    await this.#secrets?.close();
    await this.#pipes.close();
    await this.#lock.release();
  }

  /** Its processes are entered as sandboxes are where they are seen here, have users and a network of their own, and their groups can be joined. */
  async #whyNoWaysIn({ host, limits }: EngineFacts): Promise<string | undefined> {
    if (!this.#hasOwnUsers || this.#options.network === 'host' || host !== hostname())
      return 'there is no way into containers of an engine that is elsewhere or an ordinary user, or whose network is the host’s';
    // Whoever does not see the groups of the machine's first process sees those of containers no better.
    const first = new ContainerGroup(async () => undefined, limits);
    await first.find(1);
    if (first.unjoined.length === 0) return undefined;
    return `the control groups of this machine for ${first.unjoined.join(', ')} are not seen here, or are read-only, so no command could be put under the limits of a container`;
  }

  get #devices(): readonly string[] {
    return this.#options.devices ?? [];
  }

  get #instancesDir(): string {
    return join(this.#options.workDir, 'instances');
  }

  get #label(): string {
    return `${LABEL}=${this.#name}`;
  }

  /** Where the agent is root, and the engine, too, each instance is a user of its own on the machine. */
  get #hasOwnUsers(): boolean {
    return isRoot() && this.#facts?.isRootless === false;
  }

  async #prepare(spec: InstanceSpec): Promise<PreparedInstance> {
    const facts = this.#facts;
    if (!facts) throw new Error('probe() the driver first');
    if (spec.image === undefined) throw new Error('an instance in a container needs an image');
    await this.#watch.untilThere(WAIT_MS);
    const image = await this.#engine.image(spec.image);
    if (!image) throw new Error(`the engine does not have the image ${spec.image} any more`);
    // Names of folders come from here alone: ids of leases come from outside.
    const id = `${this.#name}-${(this.#made += 1)}`;
    const folder = join(this.#instancesDir, id);
    const ownDir = join(folder, 'job');
    const owner = await this.#makeFolder(id, folder);
    const secrets = this.#secrets?.folderOf(id);
    const secretsHere = (): SecretFolders => {
      if (!this.#secrets) throw new Error('this node has no memory for files of secrets: /dev/shm is no tmpfs');
      return this.#secrets;
    };
    let containers: string[] = [];
    let isAgain = false;
    let isGone = false;
    const start = async (command: InstanceCommand): Promise<RunningInstance> => {
      await Promise.all([isAgain ? undefined : handOver(owner, ownDir), this.#warden?.assertOnGuard()]);
      isAgain = true;
      for (const name of containers.splice(0)) this.#leaving.add(name);
      const group = new ContainerGroup(async () => undefined, facts.limits);
      const { directory = ISOLATED_PATHS.job } = command;
      const request = containerRequest({
        engine: facts,
        image,
        labels: {
          ...Object.fromEntries(
            Object.entries(spec.labels ?? {}).map(([name, value]) => [`org.fornax.${name}`, value]),
          ),
          [LABEL]: this.#name,
        },
        folder,
        secrets,
        init: this.#init,
        user: owner ? `${owner.uid}:${owner.gid}` : this.#ownUser(facts),
        cores: spec.cores,
        memoryMB: spec.memoryMB,
        ramfsBytes: ramfsBytes(spec.memoryMB),
        maxProcesses: this.#options.maxProcesses ?? DEFAULT_MAX_PROCESSES,
        network: this.#networkOf(spec),
        expose: this.#options.expose ?? [],
        devices: this.#devices,
        directory,
        hostname: hostname(),
        seenAs: command.seenAs,
      });
      const create = async (): Promise<string> => {
        for (let tries = 1; ; tries += 1) {
          const name = `fornax-${id}-${(this.#made += 1)}`;
          // Written down before: an engine that answers too late has made it all the same.
          containers = [...containers, name];
          try {
            return await this.#engine.create(name, request);
          } catch (error) {
            const refused = this.#devices.find(
              (device) => error instanceof EngineRefused && error.message.includes(device),
            );
            if (refused !== undefined)
              throw new Error(`the engine does not take the device ${refused} of FORNAX_NODE_ENGINE_DEVICES`, {
                cause: error,
              });
            // It had the image when this was prepared; it pulls it anew for the next one.
            if (error instanceof EngineRefused && error.status === 404 && /no such image/i.test(error.message))
              throw new Error(`the engine does not have the image ${image.id} any more`, { cause: error });
            // Then it has made none; or somebody else's has the name.
            if (error instanceof EngineRefused) containers = containers.filter((one) => one !== name);
            const isTaken =
              error instanceof EngineRefused && (error.status === 409 || /already in use/.test(error.message));
            if (!isTaken || tries === NAME_TRIES) throw error;
          }
        }
      };
      const running = await launch(
        {
          id,
          folder,
          level: { name: 'container', aim: 'all', argv: () => [this.#init] },
          ...(owner ? { enter: this.#enter } : {}),
          owner,
          directory,
          seenAs: command.seenAs,
          network: this.#options.network === 'host' ? 'host' : 'none',
          cgroup: group,
          ramfsBytes: 0,
          secrets: undefined,
          watchMemoryMB: facts.limits.includes('memory') ? 0 : spec.memoryMB,
          start: () =>
            this.#inTurn(() => startContainer({ engine: this.#engine, group, folder, uid: owner?.uid, create })),
          connections: undefined,
          until: () => this.#warden?.until,
        },
        command,
      );
      const { freeze } = running;
      // Whose processes are not seen cannot be said to stand still.
      const told = { ...running, freeze: async (forMs: number) => group.isKnown && (await freeze(forMs)) };
      this.#live.set(id, told);
      void running.exit.then(() => this.#live.delete(id));
      return told;
    };
    return {
      jobDir: ownDir,
      hasOwnUser: owner !== undefined,
      mayChangeRoot: false,
      paths: ISOLATED_PATHS,
      putSecrets: async (files, signal) => secretsHere().put(id, files, owner, signal),
      serveSecrets: async (server) => secretsHere().listen(id, server, owner),
      handOver: () => handOver(owner, ownDir),
      start,
      diskLeft: () => filesUse(['job', 'tmp'].map((name) => join(folder, name))),
      diskFiles: () => filesIn(folder),
      diskBytes: async () => {
        const [live = [], own = []] = await Promise.all([
          this.#live.get(id)?.processes(),
          owner ? findByUser(owner.uid) : undefined,
        ]);
        return diskUse(folder, [...new Set([...live, ...own])]);
      },
      dispose: async () => {
        const running = this.#live.get(id);
        running?.kill();
        await running?.exit;
        for (const name of containers.splice(0)) await this.#leaving.now(name);
        this.#ids.delete(spec.id);
        if (isGone) return;
        isGone = true;
        await Promise.all([removeFolder(folder), this.#secrets?.remove(id)]);
        if (owner) this.#users?.giveBack(owner);
      },
    };
  }

  /** @returns the user of a new instance, which alone may enter its folder */
  async #makeFolder(id: string, folder: string): Promise<Owner | undefined> {
    const owner = await this.#users?.take();
    try {
      await mkdir(folder, { mode: 0o700 });
      if (owner) {
        chownSync(folder, 0, owner.gid);
        chmodSync(folder, 0o710);
      }
      await Promise.all([makeOwnFolders(folder, owner), this.#secrets?.make(id, owner)]);
      return owner;
    } catch (error) {
      await Promise.all([removeFolder(folder), this.#secrets?.remove(id)]);
      if (owner) this.#users?.giveBack(owner);
      throw error;
    }
  }

  /** As whom an instance without a user of its own runs: on the machine that is the agent's. */
  #ownUser({ isRootless }: EngineFacts): string {
    return isRootless ? '0:0' : `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  }

  #networkOf({ network = 'none' }: InstanceSpec): string {
    if (this.#options.network === 'host') return 'host';
    if (network === 'none') return 'none';
    const { wayOut } = this.#options;
    if (wayOut === undefined) throw new Error('this node has no network of the engine for instances with a way out');
    return wayOut;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#starting >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#starting += 1;
    try {
      return await work();
    } catch (error) {
      if (error instanceof EngineAway) this.#watch.lookNow();
      throw error;
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#starting -= 1;
    }
  }
}

/** How long an instance waits for an engine that is away, before it goes to another node. */
const WAIT_MS = 60_000;
