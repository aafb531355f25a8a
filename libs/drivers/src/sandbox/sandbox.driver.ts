import { createHash } from 'node:crypto';
import { chmodSync, chownSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { type Cgroup, type CgroupParent, type Limit, openCgroups } from '../cgroup/cgroup.js';
import type {
  Driver,
  DriverFacts,
  InstanceCommand,
  InstanceSpec,
  PreparedInstance,
  RunningInstance,
  UserNumbers,
} from '../driver/driver.js';
import type { Cidr } from '../network/reach.js';
import { RESOLVER, type WayOut, WaysOut } from '../network/way-out.js';
import { AgentLock } from '../process/agent-lock.js';
import { diskUse, filesIn, filesUse } from '../process/disk-use.js';
import { FifoPool } from '../process/fifo-pool.js';
import { spawnStarted } from '../process/spawn-started.js';
import { type Started, Starter } from '../process/starter.js';
import { findByUser } from '../process/proc.js';
import { boundingProcesses } from '../process/process-bound.js';
import { removeTree } from '../process/remove-tree.js';
import { TcpTable } from '../process/tcp-use.js';
import { Warden } from '../warden/warden.js';
import { bubblewrapLevel } from './bubblewrap.level.js';
import { hostView, type HostView, STANDARD_PATH, visiblePath } from './host-view.js';
import { initProgram } from '../process/init-program.js';
import { copyOf, copyRoot } from './copied-root.js';
import {
  CHANGES,
  isRoot,
  LAYER_FOLDERS,
  type Level,
  type Lower,
  ramfsBytes,
  RESOLVER_FILE,
  type RootChanges,
} from './level.js';
import { processLevel } from './process.level.js';
import { leftOf, removeWhatIsLeftOf, sweep } from './left-behind.js';
import { assertOwn, emptyFolder, handOver, makeOwnFolders, removeFolder } from './own-folders.js';
import { ReadySandboxes } from './ready-sandboxes.js';
import { CommandTooLong } from './first-process.js';
import { launch, type Launch, openSandbox, type Sandbox, type LaunchedInstance } from './running-instance.js';
import { NO_ROOT, type SharedRoot, SharedRoots } from './shared-roots.js';
import { SecretFolders } from './secret-folders.js';
import { tryLayers } from './try-layers.js';
import { tryWayIn } from './try-way-in.js';
import { unshareLevel } from './unshare.level.js';
import { chooseIds, type IdRange, type Owner, USER_IDS_DIR, UserIds } from './user-ids.js';
import { findProgram } from '../process/find-program.js';

export interface SandboxOptions {
  /** Folder of this agent alone; holds the instances while they run. */
  readonly workDir: string;
  /** Folders that no instance may see: the platform's data. */
  readonly hide: readonly string[];
  /** Folders below a home that instances may read nevertheless. */
  readonly expose?: readonly string[];
  /** The same, but their PATH does not name them. */
  readonly exposeByPath?: readonly string[];
  /** Where this machine says which name servers it asks; default /etc/resolv.conf. */
  readonly resolver?: string;
  /** Folders that the PATH of instances names, those that they cannot see left out; what is exposed comes after them. */
  readonly path?: readonly string[];
  readonly maxProcesses?: number;
  /** Memory for secrets of all instances together, at most; never more than half of the memory that there is for files. */
  readonly secretsBytes?: number;
  /** How many sandboxes wait, made before they are needed, for instances like the last one; none where absent. */
  readonly ready?: number;
  /** `host`: instances share the network of this machine, whatever they ask for. Else each has one of its own. */
  readonly network?: 'isolated' | 'host';
  /** Networks that instances with a way out may reach although they lie in the machine's neighborhood (`network/reach.ts`). */
  readonly allowedNetworks?: readonly Cidr[];
  /** The program that lets instances out, pasta, where it is not on PATH. */
  readonly networkStack?: string;
  /** How instances change their image; `auto`: by an overlay where that works, else in copies. */
  readonly changes?: RootChanges | 'auto';
  /** Only this level, or fail. Without it the strongest that works here, but never `process`: that one has to be asked for. */
  readonly level?: Level['name'];
  /** Of an agent that is root: user ids for its instances, and where the agents of this machine agree on them. */
  readonly userIds?: IdRange;
  readonly userIdsDir?: string;
}

/** Where an instance is to run. Its folder has a name of its own, which says nothing. */
interface Room {
  readonly id: string;
  readonly folder: string;
  readonly owner: Owner | undefined;
  readonly cgroup: Cgroup | undefined;
  /** One that was made before it was needed, and for what. */
  readonly sandbox?: Sandbox;
  readonly madeFor?: Pick<Wanted, 'directory' | 'seenAs'>;
  /** What its files lie over. */
  readonly over?: Lower | undefined;
}

/** What is asked of it; `wayOut`: the network that was made for it. */
interface Wanted {
  readonly spec: InstanceSpec;
  readonly wayOut?: WayOut | undefined;
  /** Whether another command ran there before. */
  readonly isAgain?: boolean;
  readonly directory?: string | undefined;
  readonly seenAs?: UserNumbers | undefined;
  /** Of one in an image: what instances share of that. */
  readonly shared?: Pick<SharedRoot, 'folders' | 'changes'> | undefined;
}

const DEFAULT_MAX_PROCESSES = 4_096;
const PROBE_MS = 10_000;
/** A sandbox that is ready has one call left to make. One that does not was stopped by somebody, say. */
const ANSWER_MS = 2_000;

const LIMITS: readonly Limit[] = ['memory', 'cpu', 'pids'];

/** What is there beside what was there from the beginning. */
const beyond = (all: number, before: number): number => Math.max(0, all - before);

/** Ids come from outside; a folder name must not lead anywhere else. */
const folderName = (id: string): string => encodeURIComponent(id).replaceAll('.', '%2E').slice(0, 200);

/** This machine permits no isolation of instances, or not the one that was asked for. The message says what to do, and needs no stack. */
export class NoSandbox extends Error {
  override readonly name = 'NoSandbox';
  constructor(wanted: Level['name'] | undefined, refused: readonly string[]) {
    const why = refused.join('; ') || 'its programs were not found';
    super(
      wanted
        ? `no way to run instances as ${wanted}: ${why}`
        : `this machine permits no isolation of instances: ${why}. Install bubblewrap (bwrap), or util-linux with user namespaces permitted; ` +
            'or set FORNAX_NODE_SANDBOX=process to run instances as plain processes, which see the host. Where only networks of their own are not ' +
            'permitted, FORNAX_NODE_NETWORK=host lets them share that of the host',
    );
  }
}

/** Runs instances as processes of this machine, in the strongest isolation that it permits. */
export class SandboxDriver implements Driver {
  readonly #options: SandboxOptions;
  /** No other agent of this machine has it: marks of plain processes, which are found on the whole machine, tell theirs apart by it. */
  readonly #name: string;
  readonly #lock: AgentLock;
  readonly #pipes: FifoPool;
  /** What bounds the processes of all instances together, where no control group does for each. */
  #bound: readonly string[] | undefined;
  readonly #live = new Map<string, LaunchedInstance>();
  /** Instances by the ids that they were asked for with: one each. */
  readonly #ids = new Set<string>();
  /** Whose the folders of instances are, by their names. */
  readonly #owners = new Map<string, Owner | undefined>();
  #laysOver = false;
  readonly #ready: ReadySandboxes<Wanted, Room>;
  readonly #vacated = new WeakSet<Room>();
  readonly #roots = new SharedRoots();
  #made = 0;
  #level: Level | undefined;
  #waysOut: WaysOut | undefined;
  #cgroups: CgroupParent | undefined;
  #connections: TcpTable | undefined;
  #starter: Starter | undefined;
  #users: UserIds | undefined;
  #warden: Warden | undefined;
  #secrets: SecretFolders | undefined;

  constructor(options: SandboxOptions) {
    this.#options = { ...options, workDir: resolve(options.workDir) };
    this.#name = createHash('sha256').update(this.#options.workDir).digest('hex').slice(0, 12);
    this.#lock = new AgentLock(this.#options.workDir);
    this.#pipes = new FifoPool(join(this.#options.workDir, 'pipes'));
    this.#ready = new ReadySandboxes({
      depth: options.ready ?? 0,
      // A network with a way out is made for its instance, and so is what its files lie over.
      keyOf: ({ spec: { cores, memoryMB, network = 'none', over, root } }) =>
        network === 'none' && over === undefined ? `${cores} ${memoryMB} ${root ?? ''}` : undefined,
      make: (wanted) => this.#makeReady(wanted),
      isUsable: ({ sandbox }) => sandbox?.isOver() === false,
      discard: (room) => this.#vacate(room),
    });
  }

  async probe(): Promise<DriverFacts> {
    const { workDir, hide, expose = [], exposeByPath = [], path = STANDARD_PATH, resolver } = this.#options;
    await mkdir(workDir, { recursive: true, mode: 0o700 });
    const lockText = await this.#lock.take();
    await rm(this.#pipes.folder, { recursive: true, force: true });
    this.#secrets = await SecretFolders.open(this.#name, this.#options.secretsBytes);
    this.#cgroups = await openCgroups(`fornax-${this.#name}`);
    const ss = await findProgram('ss');
    this.#connections = ss === undefined ? undefined : new TcpTable(ss);
    if (!isRoot() && this.#cgroups?.limits.includes('pids') !== true) this.#bound = await boundingProcesses(this.#most);
    const view = await hostView([...hide, workDir], [...expose, ...exposeByPath], resolver);
    const level = await this.#choose(view);
    this.#warden = await Warden.start({
      agentPid: process.pid,
      lock: { path: this.#lock.path, text: lockText },
      instancesDir: level.instancesDir,
      groups: this.#cgroups?.folders ?? [],
      isScattered: level.aim === 'group',
      hasOwnUsers: level.hasOwnUsers,
    });
    const limits = this.#cgroups?.limits ?? [];
    const missing = LIMITS.filter((limit) => !limits.includes(limit));
    const warnings = [
      ...level.warnings,
      ...(missing.length > 0
        ? [
            `no control group for ${missing.join(', ')}: memory is watched, not enforced; ${this.#bound === undefined ? 'the rest is unlimited' : 'processes are bounded for all instances together, cores are not'}`,
          ]
        : []),
      ...(level.name === 'process' || this.#options.network !== 'host'
        ? []
        : ['the network is shared with the host: instances can reach its loopback ports']),
    ];
    const wayOutWarning = await this.#tryWayOut(level);
    const layersWarning = await this.#tryLayers(level);
    const waysInWarning = this.#sharesHost(level) ? undefined : await this.#tryWayIn();
    for (const warning of [wayOutWarning, layersWarning, waysInWarning])
      if (warning !== undefined) warnings.push(warning);
    const shown = level.name === 'process' && !level.hasOwnUsers ? { ...view, hidden: [] } : view;
    return {
      name: `sandbox/${level.name}`,
      warnings,
      limits,
      path: await visiblePath(path, expose, shown),
      wayOut: wayOutWarning === undefined,
      waysIn: !this.#sharesHost(level) && waysInWarning === undefined,
      images: level.openRoot !== undefined,
      laysOver: this.#laysOver,
      masksUsers: await this.#tryMask(level),
    };
  }

  allow(forMs: number): void {
    this.#warden?.allow(forMs);
  }

  expect(spec: Omit<InstanceSpec, 'id'>): void {
    this.#ready.want({ spec: { ...spec, id: '' } });
  }

  async forget(root: string): Promise<void> {
    await this.#ready.release((key) => key.endsWith(` ${root}`));
    await this.#roots.close(this.#levelHere(), root);
  }

  async prepare({ over, ...plain }: InstanceSpec): Promise<PreparedInstance> {
    const level = this.#levelHere();
    const spec = over !== undefined && this.#laysOver ? { ...plain, over } : plain;
    if (this.#ids.has(spec.id)) throw new Error(`there is an instance ${spec.id} here already`);
    this.#ids.add(spec.id);
    const { root } = spec;
    const shared = await this.#openRoot(level, root).catch((error: unknown) => {
      this.#ids.delete(spec.id);
      throw error;
    });
    const { changes, folders: shown, copies } = shared ?? NO_ROOT;
    const room = await this.#roomFor(level, spec).catch((error: unknown) => {
      this.#ids.delete(spec.id);
      throw error;
    });
    const { id, folder, owner } = room;
    const ownDir = join(folder, 'job');
    const view = room.over ? level.viewOf?.(id, root) : undefined;
    let jobDir = ownDir;
    let wayOut: WayOut | undefined;
    let isAgain = false;
    return {
      get jobDir() {
        return jobDir;
      },
      ...(view === undefined ? {} : { ownDir }),
      hasOwnUser: owner !== undefined,
      mayChangeRoot: changes !== undefined,
      paths: level.paths(folder, this.#secrets?.folderOf(id)),
      putSecrets: async (files, signal) => this.#secretsHere().put(id, files, owner, signal),
      serveSecrets: async (server) => this.#secretsHere().listen(id, server, owner),
      handOver: () => handOver(owner, ownDir),
      start: async (command: InstanceCommand): Promise<RunningInstance> => {
        await Promise.all([isAgain ? undefined : handOver(owner, ownDir), this.#warden?.assertOnGuard()]);
        wayOut?.close();
        if (!this.#sharesHost(level) && spec.network === 'outgoing')
          wayOut = await this.#openWayOut(level, folder, root);
        const { directory, seenAs } = command;
        const how = { spec, wayOut, isAgain, directory, seenAs, shared };
        const running = await this.#begin(room, how, command);
        isAgain = true;
        jobDir = view ?? ownDir;
        this.#live.set(id, running);
        void running.exit.then(() => this.#live.delete(id));
        this.#ready.want({ spec, directory, seenAs });
        return running;
      },
      diskLeft: async () => {
        const changed = changes === undefined ? [] : shown.map((_, at) => copyOf(CHANGES, at));
        const left = await filesUse(['job', 'tmp', ...changed].map((name) => join(folder, name)));
        return { bytes: beyond(left.bytes, copies.bytes), files: beyond(left.files, copies.files) };
      },
      diskFiles: async () => beyond(await filesIn(folder), copies.files),
      diskBytes: async () => {
        // The first process, which is not its user's, knows what those wrote that have ended.
        const [live = [], own = []] = await Promise.all([
          this.#live.get(id)?.processes(),
          owner ? findByUser(owner.uid) : undefined,
        ]);
        const pids = [...new Set([...live, ...own])];
        return beyond(await diskUse(folder, pids, view, changes === 'overlay'), copies.bytes);
      },
      dispose: async () => {
        const running = this.#live.get(id);
        running?.kill();
        await running?.exit;
        wayOut?.close();
        await this.#vacate(room);
        this.#ids.delete(spec.id);
      },
    };
  }

  #levelHere(): Level {
    if (!this.#level) throw new Error('probe() the driver first');
    return this.#level;
  }

  #secretsHere(): SecretFolders {
    if (!this.#secrets) throw new Error('this node has no memory for files of secrets: /dev/shm is no tmpfs');
    return this.#secrets;
  }

  async #roomFor(level: Level, spec: InstanceSpec): Promise<Room> {
    const ready = await this.#ready.take({ spec });
    if (ready) return ready;
    const make = (): Promise<Room> => this.#makeRoom(level, folderName(spec.id), spec);
    return make().catch(async (error: unknown) => {
      // What there is too little of, user ids say, those that wait may hold: whoever is there goes first.
      if (!(await this.#ready.release())) throw error;
      return make();
    });
  }

  /** @throws Error there is one of this name */
  async #makeRoom(level: Level, id: string, { cores, memoryMB, over }: InstanceSpec): Promise<Room> {
    const folder = join(level.instancesDir, id);
    const lower = over === undefined ? undefined : this.#lowerAt(level, over);
    // One folder each: a second instance of the same id would share it.
    await mkdir(folder, { mode: 0o700 });
    const owner = await this.#ownerOf(level, folder);
    try {
      const layers = lower ? LAYER_FOLDERS : [];
      await Promise.all([
        makeOwnFolders(folder, owner),
        ...layers.map((name) => mkdir(join(folder, name), { mode: 0o700 })),
        this.#secrets?.make(id, owner),
      ]);
      const cgroup = await this.#cgroups?.create(id, { cores, memoryMB, maxProcesses: this.#most });
      this.#owners.set(id, owner);
      return { id, folder, owner, cgroup, over: lower };
    } catch (error) {
      // A full disk, say: the user and what there is of the folder are not kept for nobody.
      await this.#vacate({ id, folder, owner, cgroup: undefined });
      throw error;
    }
  }

  async #makeReady({ spec, directory, seenAs }: Wanted): Promise<Room> {
    const level = this.#levelHere();
    const shared = await this.#openRoot(level, spec.root);
    // Each would take as much of the disk as the image, and nobody's bound would count it.
    if (shared?.changes === 'copies') throw new Error('copies of an image are made for whoever needs them');
    // No id of an instance gives this name (see `folderName`).
    const room = await this.#makeRoom(level, `+${this.#name}-${(this.#made += 1)}`, spec);
    try {
      const madeFor = { directory, seenAs };
      const wanted = { spec, ...madeFor, shared };
      await this.#furnish(room, wanted);
      return { ...room, madeFor, sandbox: await openSandbox(this.#launchOf(room, wanted)) };
    } catch (error) {
      await this.#vacate(room);
      throw error;
    }
  }

  /** What is ready is told what to run, unless it was ended meanwhile, or ends or stands still before the command begins: then it is made anew. */
  async #begin(room: Room, wanted: Wanted, command: InstanceCommand): Promise<LaunchedInstance> {
    const { sandbox, madeFor } = room;
    const { directory, seenAs } = wanted;
    if (isDeepStrictEqual(madeFor, { directory, seenAs }) && sandbox?.isOver() === false) {
      try {
        return await sandbox.run(command, ANSWER_MS);
      } catch (error) {
        if (error instanceof CommandTooLong) throw error;
      }
    }
    await sandbox?.discard();
    await this.#furnish(room, wanted);
    return launch(this.#launchOf(room, wanted), command);
  }

  /** Puts into the folder of one in an image what its sandbox is made of. What an earlier command changed is gone then: each begins with the image, as on any other node. */
  async #furnish({ folder, owner }: Room, { spec: { root }, shared }: Wanted): Promise<void> {
    if (root !== undefined && this.#sharesHost(this.#levelHere())) await this.#copyResolver(folder);
    const changes = join(folder, CHANGES);
    if (shared?.changes !== undefined) await emptyFolder(changes);
    if (root !== undefined && shared?.changes === 'copies') await copyRoot(root, shared.folders, changes, owner);
  }

  /** @throws Error it is no folder of an instance */
  #lowerAt(level: Level, tree: string): Lower {
    const [name = ''] = relative(level.instancesDir, tree).split('/');
    if (!this.#owners.has(name)) throw new Error(`there is no instance whose folder is ${tree}`);
    return { tree, owner: this.#owners.get(name) };
  }

  #launchOf({ id, folder, owner, cgroup, over }: Room, wanted: Wanted): Launch {
    const { spec, wayOut, isAgain, directory, seenAs, shared } = wanted;
    const level = this.#levelHere();
    const isEnforced = this.#cgroups?.limits.includes('memory') ?? false;
    return {
      id,
      folder,
      level,
      owner,
      network: wayOut ?? (this.#sharesHost(level) ? 'host' : 'none'),
      cgroup,
      ramfsBytes: ramfsBytes(spec.memoryMB),
      secrets: this.#secrets?.folderOf(id),
      over: over && isAgain === true ? { ...over, isLaid: true } : over,
      root: spec.root,
      directory,
      seenAs,
      changes: shared?.changes,
      watchMemoryMB: isEnforced ? 0 : spec.memoryMB,
      start: (argv, env) => this.#start(level, argv, env),
      enter: {
        input: () => this.#pipes.takeInput(),
        start: (argv, input) => spawnStarted(this.#bounded(argv), {}, this.#pipes, undefined, input),
      },
      connections: this.#connections,
      until: () => this.#warden?.until,
    };
  }

  /** Nothing of it is left, and its user is lent to another. */
  async #vacate(room: Room): Promise<void> {
    const { id, folder, owner, cgroup, sandbox } = room;
    const level = this.#levelHere();
    await sandbox?.discard();
    this.#owners.delete(id);
    await Promise.all([cgroup?.remove(), removeFolder(folder), this.#secrets?.remove(id)]);
    if (!owner || this.#vacated.has(room)) return;
    this.#vacated.add(room);
    if (level.name === 'process') await removeWhatIsLeftOf(owner.uid);
    // A user that still has a process is lent to nobody else.
    if ((await leftOf(level, owner)).length === 0) this.#users?.giveBack(owner);
  }

  async close(): Promise<void> {
    const exits = [...this.#live.values()].map((running) => {
      running.kill();
      return running.exit;
    });
    await Promise.all([...exits, this.#ready.close()]);
    await this.#starter?.close();
    await this.#warden?.dismiss();
    await this.#level?.close();
    await this.#users?.close();
    await this.#secrets?.close();
    await this.#cgroups?.close();
    await this.#pipes.close();
    await this.#lock.release();
  }

  /** Plain processes are found again by their environment, which only a program of their own has. */
  #start(level: Level, argv: readonly [string, ...string[]], env: Readonly<Record<string, string>>): Promise<Started> {
    if (level.aim === 'group') return spawnStarted(argv, env, this.#pipes);
    const [init, ...options] = argv;
    this.#starter ??= new Starter(init, undefined, this.#bound);
    return this.#starter.start(options);
  }

  /** Where no control group bounds its processes, they count among those of all instances. */
  #bounded(argv: readonly [string, ...string[]]): readonly [string, ...string[]] {
    const [first = argv[0], ...others] = this.#bound ?? [];
    return this.#bound === undefined ? argv : [first, ...others, ...argv];
  }

  get #most(): number {
    return this.#options.maxProcesses ?? DEFAULT_MAX_PROCESSES;
  }

  #sharesHost(level: Level): boolean {
    return level.name === 'process' || this.#options.network === 'host';
  }

  /** A network with a way out, and the folder's file that says whom to ask for names. @throws Error this node has none */
  async #openWayOut(level: Level, folder: string, root?: string): Promise<WayOut> {
    const { allowedNetworks: allowed = [], networkStack: stack } = this.#options;
    this.#waysOut ??= new WaysOut({ init: await initProgram(), stack, allowed });
    await writeFile(join(folder, RESOLVER_FILE), RESOLVER, { mode: 0o644 });
    return this.#waysOut.open(level.usersOfNetworks(root));
  }

  /** What shares this machine's network asks whom this machine asks, also in an image. */
  async #copyResolver(folder: string): Promise<void> {
    const { resolver = '/etc/resolv.conf' } = this.#options;
    const text = await readFile(resolver, 'utf8').catch(() => '');
    await writeFile(join(folder, RESOLVER_FILE), text, { mode: 0o644 });
  }

  /** @returns what an operator should know, if instances do not get out */
  async #tryWayOut(level: Level): Promise<string | undefined> {
    if (this.#sharesHost(level)) return undefined;
    try {
      (await this.#openWayOut(level, this.#options.workDir)).close();
      return undefined;
    } catch (error) {
      return `instances of profiles with access to the network are not run here: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** What instances see in the place of the machine's files. @throws Error it cannot be shown */
  async #openRoot(level: Level, root: string | undefined): Promise<SharedRoot | undefined> {
    if (root === undefined) return undefined;
    const { changes = 'auto' } = this.#options;
    const ways: readonly RootChanges[] = changes === 'auto' ? ['overlay', 'copies'] : [changes];
    return this.#roots.open(level, root, ways, (shared) => this.#tryChanging(level, root, shared));
  }

  /** Whether an instance that may change this root can be started: not on each file system, nor with each kernel. */
  async #tryChanging(level: Level, root: string, shared: Wanted['shared']): Promise<boolean> {
    const spec = { id: `changes-${this.#name}-${(this.#made += 1)}`, cores: 1, memoryMB: 0, root };
    return this.#starts(level, { spec, shared });
  }

  /** Whether a command may be seen as another user. */
  async #tryMask(level: Level): Promise<boolean> {
    const spec = { id: `mask-${this.#name}`, cores: 1, memoryMB: 0 };
    return this.#starts(level, { spec, seenAs: { uid: 1, gid: 1 } });
  }

  /** Whether one can be started so: a command that nobody can run says that as well as any. */
  async #starts(level: Level, wanted: Wanted): Promise<boolean> {
    const room = await this.#makeRoom(level, folderName(wanted.spec.id), wanted.spec);
    try {
      await this.#furnish(room, wanted);
      const running = await launch(this.#launchOf(room, wanted), { argv: ['/'], env: {} });
      running.stdout.resume();
      running.stderr.resume();
      const deadline = setTimeout(running.kill, PROBE_MS);
      const { kind } = await running.exit;
      clearTimeout(deadline);
      return kind === 'exited';
    } catch {
      return false;
    } finally {
      await this.#vacate(room);
    }
  }

  /** @returns what an operator should know, if the files of one instance cannot be laid over those of another */
  async #tryLayers(level: Level): Promise<string | undefined> {
    const copies = 'tasks in pools get a copy of all files of their slot';
    if (!level.viewOf) return `${copies}: at level ${level.name} they cannot be shared`;
    this.#laysOver = true;
    try {
      await tryLayers(this, this.#name);
      return undefined;
    } catch (error) {
      this.#laysOver = false;
      return `${copies}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** @returns what an operator should know, if ports of instances cannot be forwarded */
  async #tryWayIn(): Promise<string | undefined> {
    try {
      await tryWayIn(this, this.#name);
      return undefined;
    } catch (error) {
      return `ports of instances are not forwarded here: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** The first level in which a real instance runs to its end. */
  async #choose(view: HostView): Promise<Level> {
    const { workDir, level: wanted } = this.#options;
    const instancesDir = join(workDir, 'instances');
    const init = await initProgram();
    const refused: string[] = [];
    const isolated = [
      () => bubblewrapLevel(init, instancesDir, view),
      () => unshareLevel(init, workDir, instancesDir, view, this.#secrets),
    ];
    // The two isolate alike when root makes them, and the second costs less than half (ADR 0054). To an ordinary user bwrap gives a namespace of users for
    // each instance.
    if (isRoot()) isolated.reverse();
    const candidates = [
      ...isolated,
      ...(wanted === 'process' ? [() => processLevel(init, workDir, instancesDir)] : []),
    ];
    for (const make of candidates) {
      const level = await make();
      if (!level || level.name !== (wanted ?? level.name)) continue;
      try {
        await mkdir(level.instancesDir, { recursive: true, mode: 0o711 });
        if (level.hasOwnUsers) await assertOwn(level.instancesDir);
        await sweep(level.instancesDir);
        await level.open();
        this.#level = level;
        this.#users = level.hasOwnUsers ? await this.#openUsers(level) : undefined;
        await this.#tryOut();
        return level;
      } catch (error) {
        await this.#users?.close();
        await level.close();
        refused.push(`${level.name} does not work here: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    throw new NoSandbox(wanted, refused);
  }

  async #tryOut(): Promise<void> {
    const prepared = await this.prepare({
      id: `probe-${this.#name}`,
      cores: 1,
      memoryMB: Math.floor(totalmem() / 1_048_576),
    });
    try {
      const running = await prepared.start({
        argv: ['/bin/sh', '-c', ': > "$TASK_PATH/probe" && : > /dev/null'],
        env: { TASK_PATH: prepared.paths.job },
      });
      running.stdout.resume();
      let complaint = '';
      running.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
      const deadline = setTimeout(running.kill, PROBE_MS);
      const { kind, exitCode } = await running.exit;
      clearTimeout(deadline);
      if (exitCode !== 0)
        throw new Error(`the trial ${kind} with code ${exitCode ?? 'none'}: ${complaint.trim().slice(0, 500)}`);
    } finally {
      await prepared.dispose();
    }
  }

  async #openUsers(level: Level): Promise<UserIds> {
    const { userIds, userIdsDir = USER_IDS_DIR } = this.#options;
    return new UserIds(await chooseIds(userIds), userIdsDir, level.instancesDir);
  }

  /** The user of a new instance, which alone may enter its folder. */
  async #ownerOf(level: Level, folder: string): Promise<Owner | undefined> {
    if (!level.hasOwnUsers) return undefined;
    try {
      const owner = await this.#users?.take();
      if (owner) chownSync(folder, 0, owner.gid);
      chmodSync(folder, 0o710);
      return owner;
    } catch (error) {
      await removeTree(folder);
      throw error;
    }
  }
}
