import { readdir } from 'node:fs/promises';
import type { Socket } from 'node:net';

import { inSpan, KnownSecrets } from '@fornax/base';
import { type HeldLease, type LeaseOrder, type LiveInstance, MOST_WAITING_CHARS, networkOf } from '@fornax/contracts';
import type { InstanceExit, PreparedInstance } from '@fornax/drivers';
import type { DurablePublisher } from '@fornax/event-store';
import { S3Client } from '@fornax/s3';

import { InstanceMeter } from '../live/instance-meter.js';
import type { Measurable } from '../live/live-beat.js';
import { listLower } from '../files/list-files.js';
import { UserError } from '../failure/user-error.js';
import { type InstancePlan, planOf } from '../profile/command-of.js';
import type { CommandRun } from './command-run.js';
import { CommandRuns } from './command-runs.js';
import type { Program } from './copy-moments.js';
import { endOf } from './end-of.js';
import { InstanceDisk } from './instance-disk.js';
import { InstanceInputs } from './instance-inputs.js';
import { InstanceSnapshots } from './instance-snapshots.js';
import { InstanceResults } from './instance-results.js';
import type { InstanceWorld } from './instance-world.js';
import { assertFolderIn, inImage, notesOfImage, type TaskImage } from './task-images.js';
import { LeaseGrant, withRow } from './lease-grant.js';
import { fetchSecretFiles, putSecrets } from './lease-secrets.js';
import { type Outcome, failureOf, noteOfKills, outcomeOf, usageOf } from './outcome-of.js';
import { WaitedTooLong } from './lease-line.js';
import type { EndedJob } from './store-results.js';
import { type End, type Told, toldWithout } from './told.js';
import { HELD, type Phase } from './phase.js';
import { plainText } from './plain-text.js';
import { PhaseTimes } from './phase-times.js';
import { SecretEndpoint } from './secret-endpoint.js';
import { Slot } from './slot.js';
import { StateSaver } from './state-saver.js';
import { noteOfLostResults, notesOf } from './notes.js';
import { type Uploaded, NO_FILES, reportOf } from './results.js';
import { ClusterPeers } from '../ways/cluster-peers.js';
import { type Granted, InstanceWays } from '../ways/instance-ways.js';
import { PeersFull } from '../ways/peers-full.js';

/** Below the folder of secrets, which is memory and no result. */
const PEERS_FILE = 'cluster/peers';
/** Connections of others of its task on this node at once: each is a process. */
const MOST_REACHED = 300;
const NO_SECRETS = { files: [], notes: [] };

/** The files of an instance whose command runs, and how much that has printed. */
export interface LiveFiles extends Omit<EndedJob, 'of'>, Pick<CommandRun, 'outputBytes'> {
  readonly program: Program;
  readonly signal: AbortSignal;
}

/**
 * One lease on this node.
 *
 *   accepted  -> preparing   its turn has come: grant, folders, inputs
 *   accepted  -> ended       cancelled, or it waited for too long: `returned` is reported
 *   preparing -> running     the command was launched: `started` is reported
 *   preparing -> ended       cancelled, or something failed
 *   running   -> uploading   the command is over: `exited` is reported, what it wrote is stored in the log
 *   uploading -> ended       the results are stored, or not to be: `ended` is reported, the folders are removed
 *   any       -> dropped     drop(): killed without a report, because nobody would believe it
 *
 * The lease of a slot of a pool runs its preparation, where it has one, and is `running` from then on until it is cancelled: `started` says that it is ready.
 */
export class Instance implements Measurable {
  /** Ends preparing and uploading. */
  readonly #abort = new AbortController();
  /** Ends the storing of output as well, which a cancelled instance's owner still wants. */
  readonly #dropping = new AbortController();
  readonly #leaseId: string;
  readonly #publisher: Pick<DurablePublisher, 'publish'>;
  readonly #inputs: InstanceInputs;
  readonly #results: InstanceResults;
  readonly snapshots: InstanceSnapshots;
  #phase: Phase = 'accepted';
  /** Grows with whatever gets done besides the command. */
  #moved = 0;
  #isCancelled = false;
  #isDropped = false;
  readonly #times = new PhaseTimes();
  readonly #meter: InstanceMeter;
  #command: CommandRuns | undefined;
  #ways: InstanceWays | undefined;
  readonly #peers: ClusterPeers | undefined;
  #reached = 0;
  #prepared: PreparedInstance | undefined;
  #secretNotes: readonly string[] = [];
  #image: TaskImage | undefined;
  /** How far the pull of that is. */
  #pull: string | undefined;
  readonly #secrets = new KnownSecrets();
  #leave: (() => void) | undefined;
  /** What it is to the instances in its room, once it is ready. */
  #slot: Slot | undefined;
  readonly #release = Promise.withResolvers<undefined>();
  readonly #grant: LeaseGrant;
  readonly #storage: () => Promise<S3Client>;
  /** Its files, for who watches over the node's disk. */
  readonly disk: InstanceDisk;
  readonly done: Promise<void>;

  constructor(
    private readonly world: InstanceWorld,
    readonly order: LeaseOrder,
  ) {
    this.#leaseId = order.leaseId;
    this.snapshots = new InstanceSnapshots(order.taskId);
    const moved = (): void => void (this.#moved += 1);
    const storage = (this.#storage = async (): Promise<S3Client> =>
      new S3Client({ ...(await this.#grant.get()).s3, connection: world.s3, onMoved: moved }));
    this.#publisher = {
      publish: async (...message) => {
        const published = await world.publisher.publish(...message);
        moved();
        return published;
      },
    };
    this.#grant = new LeaseGrant(world, order, this.#abort.signal);
    const rights = { grant: this.#grant, storage, signal: this.#abort.signal };
    this.#inputs = new InstanceInputs(world, order, rights);
    this.#results = new InstanceResults(world, order, rights);
    this.disk = new InstanceDisk(order, world.diskBound, {
      phase: () => this.#phase,
      prepared: () => this.#prepared,
      holdsOld: () => this.#slot?.holdsOld ?? false,
      clear: (why) => this.#clear(why),
    });
    this.#meter = new InstanceMeter(order.cores);
    this.#peers =
      order.cluster && !order.slot
        ? new ClusterPeers({ order, reach: (number, port) => this.#reachPeer(number, port), turns: world.peerTurns })
        : undefined;
    this.done = inSpan(
      'instance',
      {
        kind: 'consumer',
        parent: order.traceparent,
        attributes: { 'fornax.task': order.taskId, 'fornax.instance': order.instance },
      },
      () => this.#live(),
    ).catch((error: unknown) => world.onError(error));
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** What may be told of it. */
  withoutSecrets(text: string): string {
    return this.#secrets.without(text);
  }

  /** What a snapshot takes; undefined unless the command runs. */
  get files(): LiveFiles | undefined {
    if (this.#phase !== 'running' || !this.#prepared || !this.#command) return undefined;
    const program = this.#command;
    const { outputBytes } = program;
    return { ...this.#jobIn(this.#prepared), program, outputBytes, signal: this.#abort.signal };
  }

  #jobIn({ jobDir, paths }: PreparedInstance): Omit<EndedJob, 'of'> {
    const { before, over } = this.#inputs;
    return { jobDir, seenAs: paths.job, before, over, bound: this.disk.bound };
  }

  /** The room that it is to instances; undefined unless it is a slot of a pool, and ready. */
  get slot(): Slot | undefined {
    const isOpen = !this.#isCancelled && !this.#isDropped && !this.disk.excess.hasOccurred;
    return this.#phase === 'running' && isOpen ? this.#slot : undefined;
  }

  /** Fetches what is new in the buckets of inputs, once the first ones are there. @param update counts the task's requests */
  refresh(update: number): void {
    this.#inputs.refresh(update);
  }

  async measure(): Promise<void> {
    if (this.#phase !== 'running' || !this.#command) return;
    const use = await this.#command.measure();
    this.#meter.measured(use, this.world.ghz(), performance.now());
  }

  live(): LiveInstance | undefined {
    if (this.#phase === 'accepted' || this.#phase === 'ended' || this.#isDropped) return undefined;
    const { taskId, instance } = this.order;
    const progress = this.#command?.progress ?? 0;
    const gauges = this.#meter.gauges(performance.now());
    const { told: forwarded = [], forwarder } = this.#ways ?? {};
    return {
      leaseId: this.#leaseId,
      taskId,
      instance,
      phase: this.#times.phase,
      progress,
      ...gauges,
      ...(this.#pull === undefined ? {} : { waiting: this.#pull.slice(0, MOST_WAITING_CHARS) }),
      ...this.#results.whyWaiting,
      ...(forwarded.length === 0 ? {} : { ways: [...forwarded], ...(forwarder === undefined ? {} : { forwarder }) }),
    };
  }

  /** What a heartbeat says of it; undefined once its end was told. */
  get held(): HeldLease | undefined {
    if (this.#phase === 'ended') return undefined;
    return { leaseId: this.#leaseId, phase: HELD[this.#phase], moved: this.#moved };
  }

  /** Its start and its exit once more, as far as it has come: the platform did not hear them. */
  tellAgain(): void {
    const { startedAt } = this.#times;
    if (startedAt !== undefined && this.#phase !== 'ended') this.#tellStart(startedAt);
    if (this.#phase === 'uploading') this.#tell({ kind: 'exited' });
  }

  /** Kills it and removes its files, but for those of a slot that instances still need: they go with the last of these. */
  async #clear(why: Error): Promise<void> {
    if (this.#phase === 'preparing') this.#abort.abort(why);
    this.#command?.kill();
    this.#peers?.stop();
    this.#release.resolve(undefined);
    // Not after the rest: what is left to do writes to disks that may be this one.
    await this.#command?.exit();
    if (this.#slot) await this.#inputs.closeRefresh();
    if (this.#slot?.isInUse !== true) await this.#dispose();
  }

  async #dispose(): Promise<void> {
    await this.#prepared?.dispose().catch((error: unknown) => this.world.onError(error));
    this.#image?.release();
  }

  /** It does not get on: ends as a failure of the platform. A running command is left alone, how long that takes is its user's matter. */
  giveUp(): void {
    if (this.#phase === 'running' || this.#phase === 'ended') return;
    this.#abort.abort(new Error(`the instance did not get on with ${this.#times.phase}, and was given up`));
    this.#dropping.abort();
  }

  /** What is to run before the end, SIGTERM, and SIGKILL two seconds later; the outcome will be `cancelled`. Safe to repeat. */
  cancel(): void {
    if (this.#isCancelled || this.#phase === 'ended') return;
    this.#isCancelled = true;
    if (this.#phase !== 'running') {
      if (this.#phase !== 'uploading' || !this.order.uploadResultsOnCancellation)
        this.#abort.abort(new Error('cancelled'));
      return;
    }
    this.#stop();
  }

  /** Kills at once and says nothing. */
  async drop(): Promise<void> {
    this.#isDropped = true;
    this.#abort.abort(new Error('dropped'));
    this.#dropping.abort();
    this.#command?.kill();
    this.#peers?.stop();
    this.#release.resolve(undefined);
    await this.done;
  }

  #stop(): void {
    this.#release.resolve(undefined);
    this.#peers?.stop();
    this.#command?.stop();
  }

  async #live(): Promise<void> {
    let ended: End;
    try {
      ended = await this.#work();
    } catch (error) {
      if (error instanceof WaitedTooLong) {
        this.#phase = 'ended';
        this.#tell({ kind: 'returned' });
        return;
      }
      ended = {
        ...this.#failureOf(error),
        ...this.#times.report(),
        ...this.#times.ofFailure(),
        ...reportOf(NO_FILES),
      };
    }
    this.#phase = 'ended';
    await this.#inputs.closeRefresh();
    // Reported before the folders go: the next lease may already come while they do, or begin if it waits here.
    this.#leave?.();
    this.#inputs.leaveSlot();
    this.#tell({ kind: 'ended', ...ended });
    await this.#dispose();
  }

  async #work(): Promise<End> {
    const { order, world } = this;
    this.#leave = await world.turn?.(order, this.#abort.signal);
    this.#times.begin();
    this.#phase = 'preparing';
    const { prepared, plan } = await inSpan('prepare', {}, () => this.#prepare());
    this.#assertHeld();
    if (order.slot) return this.#hold(prepared, plan);
    const { command, exit } = await this.#run(prepared, plan);
    this.#times.enter('shutdown');
    this.#phase = 'uploading';
    const refreshed = this.#inputs.closeRefresh();
    this.#tell({ kind: 'exited' });
    await Promise.all([command.stored(), refreshed]);
    await this.disk.lookOnceMore(prepared);
    const verdict = await this.#verdict(command, exit);
    const { outcome, uploaded } = await this.#upload(verdict, plan);
    const inputs = await this.#inputs.recorded();
    const { averageGHz } = this.#meter;
    const notes = [
      ...notesOfImage(this.#image, order, prepared.mayChangeRoot),
      ...this.snapshots.notes,
      ...this.#secretNotes,
      ...this.#inputs.notes,
      ...notesOf(uploaded.leftOut),
      ...(this.#abort.signal.aborted ? [] : noteOfLostResults(uploaded.failure, outcome)),
      ...noteOfKills(exit, outcome, order.memoryMB),
      ...command.notes,
      ...(this.#peers?.notes ?? []),
    ];
    const { startedAt } = command;
    const image = this.#image?.digest;
    return {
      ...endOf({ outcome, exit, startedAt, uploaded, notes, inputs, image, averageGHz }),
      ...this.#times.report(),
    };
  }

  /** Runs the command to its end. What it wrote may not be stored yet. */
  async #run(prepared: PreparedInstance, plan: InstancePlan) {
    const { order, world } = this;
    const { nodeId, output, onError } = world;
    const [publisher, { signal }] = [this.#publisher, this.#dropping];
    const redactor = order.redactOutput === false ? undefined : () => this.#secrets.redactor();
    const parts = { nodeId, output, onError, publisher, order, signal, redactor };
    const saver = new StateSaver({ nodeId, rpc: world.rpc, order, snapshots: this.snapshots });
    const command = await CommandRuns.start(prepared, plan, parts, saver);
    this.#command = command;
    this.#phase = 'running';
    if (!order.slot) {
      // Not sooner: starting hands the job's files over to the instance's user.
      this.#inputs.openRefresh();
      this.#inputs.record();
    }
    if (this.#isDropped) command.kill();
    if (this.#isCancelled) this.#stop();
    this.#meter.begin(performance.now());
    if (!order.slot) this.#start(command.startedAt);
    const closeWays = this.#openWays(command);
    const exit = await inSpan('run', {}, () => command.exit()).finally(async () => {
      await this.#peers?.end();
      closeWays();
    });
    this.#meter.end(world.ghz(), performance.now());
    return { command, exit };
  }

  /** Lets connections in from outside, where its task asks for that. @returns ends them */
  #openWays(command: CommandRuns): () => void {
    const { order, world } = this;
    if ((order.ways !== true && !this.#peers) || order.slot) return () => undefined;
    const over = new AbortController();
    const { nodeId, rpc, isHeld, onError } = world;
    const ways = new InstanceWays({
      ...{ nodeId, rpc, order, isHeld, onError },
      reach: (port) => command.reach(port),
      signal: AbortSignal.any([over.signal, this.#abort.signal]),
    });
    this.#ways = ways;
    void ways.run();
    return () => {
      this.#ways = undefined;
      over.abort();
    };
  }

  /** Serves a session of the task's owner as long as the command runs. @returns false: it does not run */
  enter(granted: Granted): boolean {
    const command = this.#command;
    if (this.#phase !== 'running' || !command || command.isOver || this.order.slot || this.#isDropped) return false;
    const over = new AbortController();
    void command.over.then(() => over.abort());
    const { nodeId, rpc, isHeld, onError } = this.world;
    const ways = new InstanceWays({
      ...{ nodeId, rpc, order: this.order, isHeld, onError },
      reach: (port) => command.reach(port),
      enter: (entering) => command.enter(entering),
      signal: AbortSignal.any([over.signal, this.#abort.signal]),
    });
    void ways.serve(granted);
    return true;
  }

  /** Connects to a port on which it listens for others of its task. @throws PeersFull @throws Error nothing does */
  async reachFor(port: number): Promise<Socket> {
    const { order, world } = this;
    if (order.cluster?.ports.includes(port) !== true || !this.#command || !world.isHeld())
      throw new Error('that port is not for the others of its task');
    if (this.#reached >= MOST_REACHED) throw new PeersFull('as many of its peers are connected as may be');
    this.#reached += 1;
    const leave = (): void => void (this.#reached -= 1);
    try {
      return (await this.#command.reach(port)).once('close', leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** On this node directly, on others by way of the platform. @returns undefined: nothing listens there now */
  async #reachPeer(instance: number, port: number): Promise<Socket | undefined> {
    const { order, world } = this;
    const near = instance === order.instance ? this : world.peer?.(order.taskId, instance);
    return near ? near.reachFor(port) : this.#ways?.toPeer(instance, port);
  }

  /** Tells the command where the others are: by variables, and a file in the memory that only it reads. */
  async #withPeers(plan: InstancePlan, prepared: PreparedInstance): Promise<InstancePlan> {
    if (!this.#peers) return plan;
    const { doors, hosts, variables } = this.#peers;
    await prepared.putSecrets([{ path: PEERS_FILE, content: Buffer.from(hosts) }], this.#abort.signal);
    const file = `${prepared.paths.secrets}/${PEERS_FILE}`;
    return { ...plan, doors, env: { ...plan.env, ...variables, CLUSTER_HOSTFILE: file } };
  }

  #start(startedAt: number): void {
    this.#times.start(startedAt);
    this.#tellStart(startedAt);
  }

  #tellStart(startedAt: number): void {
    const { begun } = this.snapshots;
    const image = this.#image?.digest;
    this.#tell({
      kind: 'started',
      startedAt,
      ...(begun === undefined ? {} : { snapshotId: begun }),
      ...(image === undefined ? {} : { image }),
    });
  }

  /** A slot: its preparation runs to its end; from then on it is ready, and stays so until it is cancelled and nobody is inside. */
  async #hold(prepared: PreparedInstance, plan: InstancePlan): Promise<End> {
    const { order, world } = this;
    const { prepares = false, instances = 1 } = order.slot ?? {};
    if (prepares) {
      const { command, exit } = await this.#run(prepared, plan);
      await command.stored();
      await this.disk.lookOnceMore(prepared);
      const verdict = await this.#verdict(command, exit);
      if (verdict.outcome !== 'success')
        return { ...verdict, ...usageOf(exit), ...this.#times.report(), ...reportOf(NO_FILES) };
      this.#command = undefined;
    } else await prepared.handOver();
    const isEmpty = order.resources.length === 0 && (await readdir(prepared.jobDir)).length === 0;
    this.#assertHeld();
    const [seenAs, { signal }] = [prepared.paths.job, this.#abort];
    const list = world.laysOver === true ? (dir: string) => listLower(dir, { seenAs, signal }) : undefined;
    const slot = await Slot.open(prepared.jobDir, isEmpty, list);
    this.#assertHeld();
    this.#slot = slot;
    this.#phase = 'running';
    const { cores, memoryMB } = order;
    // One that is to lie over the slot's files is made for them.
    if (isEmpty || !list)
      world.driver.expect?.({ cores: cores / instances, memoryMB: memoryMB / instances, network: networkOf(order) });
    this.#start(Date.now());
    // What was asked for meanwhile may come from now on.
    this.#inputs.openRefresh({
      slot,
      onFetched: (update) => this.#tell({ kind: 'refreshed', update }),
      onFailed: (update, failure, isFinal) => {
        const { error = { code: 'FX-NODE', message: plainText(failure), debug: '' } } = failureOf(failure, 'FX-NODE');
        this.#tell({ kind: 'refresh-failed', update, error, isFinal });
      },
    });
    if (this.#isCancelled) this.#release.resolve(undefined);
    await this.#release.promise;
    await slot.empty();
    this.disk.excess.throwIfAny();
    return { outcome: 'cancelled', ...this.#times.report(), ...this.#times.ofFailure(), ...reportOf(NO_FILES) };
  }

  async #verdict(command: CommandRuns, exit: InstanceExit): Promise<Outcome> {
    const { order, world } = this;
    return outcomeOf(exit, {
      wasCancelled: this.#isCancelled,
      isDiskFull: exit.exitCode !== 0 && (await world.isDiskFull?.()) === true,
      memoryMB: order.memoryMB,
      ...this.disk.excess.circumstances,
      ...command.circumstances,
    });
  }

  /** @throws Error this process stood still, say, and the lease is another node's by now: nothing may begin, and nothing be stored */
  #assertHeld(): void {
    if (!this.world.isHeld()) throw new Error('the node was out of contact for too long: the lease is lost');
  }

  async #prepare(): Promise<{ prepared: PreparedInstance; plan: InstancePlan }> {
    const { order, world } = this;
    const { signal } = this.#abort;
    await world.room?.(signal);
    const needsGrant =
      order.resources.length > 0 ||
      order.results !== null ||
      order.secretKeys.length > 0 ||
      order.resumes === true ||
      order.secrets === true;
    const granted = needsGrant ? await this.#grant.get() : undefined;
    signal.throwIfAborted();
    const whole = granted ? withRow(order, granted) : order;
    const image = await this.#bringImage(whole, granted?.secrets ?? {});
    const tree = this.#inputs.enterSlot();
    const prepared = await world.driver.prepare({
      id: order.leaseId,
      cores: order.cores,
      memoryMB: order.memoryMB,
      network: networkOf(order),
      over: tree?.lower && tree.dir,
      root: image?.tree,
      image: image?.image,
      labels: {
        task: order.taskId,
        instance: String(order.instance),
        attempt: String(order.attempt),
        node: world.nodeId,
      },
    });
    this.#prepared = prepared;
    const { files, notes } = order.secrets === true ? await fetchSecretFiles(world, order, signal) : NO_SECRETS;
    this.#secretNotes = notes;
    await this.#secrets.begin([...Object.values(granted?.secrets ?? {}), ...files.map(({ content }) => content)]);
    signal.throwIfAborted();
    if (order.secrets === true) {
      await putSecrets(prepared, files, signal);
      const onGiven = (values: readonly string[]): Promise<void> => this.#secrets.add(values);
      await prepared.serveSecrets(new SecretEndpoint({ ...world, onGiven }, order, signal).server);
    }
    const plan = planOf(
      { ...whole, snapshotId: granted?.restore?.snapshotId },
      granted?.secrets ?? {},
      prepared.paths,
      world.path,
      image && { ...image.settings, ...inImage(image, prepared) },
    );
    if (granted && order.resources.length > 0) {
      this.#times.enter('download');
      await this.#inputs.fetch(prepared, plan.resourcesFolder);
      this.#times.enter('environment');
    }
    if (tree) await this.#inputs.haveTree(tree, prepared);
    if (granted?.restore) {
      this.#times.enter('download');
      const place = { jobDir: prepared.jobDir, instance: order.instance, signal };
      await this.snapshots.begin(granted.restore, await this.#storage(), place);
      this.#times.enter('environment');
    }
    if (image && plan.directory !== undefined) await assertFolderIn(image, prepared, plan.directory);
    const withPeers = await this.#withPeers(plan, prepared);
    signal.throwIfAborted();
    return { prepared, plan: withPeers };
  }

  /** Has the image of the task there, which other instances may have pulled. */
  async #bringImage(
    order: Pick<LeaseOrder, 'constants'>,
    secrets: Readonly<Record<string, string>>,
  ): Promise<TaskImage | undefined> {
    const { images, masksUsers = () => Promise.resolve(false) } = this.world;
    if (!images) return undefined;
    this.#times.enter('download');
    const onMoved = (): void => void (this.#moved += 1);
    const onProgress = (text: string): void => void (this.#pull = text);
    try {
      this.#image = await images.of(order, secrets, masksUsers, { signal: this.#abort.signal, onMoved, onProgress });
    } finally {
      this.#pull = undefined;
    }
    this.#times.enter('environment');
    return this.#image;
  }

  async #upload(outcome: Outcome, plan: InstancePlan): Promise<{ outcome: Outcome; uploaded: Uploaded }> {
    const { order } = this;
    this.#assertHeld();
    const prepared = this.#prepared;
    const isWanted = outcome.outcome !== 'cancelled' || order.uploadResultsOnCancellation;
    if (!order.results || !prepared || !isWanted || this.disk.excess.hasOccurred)
      return { outcome, uploaded: NO_FILES };
    this.#times.enter('upload');
    const uploaded = await this.#results.store(this.#jobIn(prepared), plan.filter);
    const { failure } = uploaded;
    // What the command did stays the first thing to tell.
    const isNews = failure !== undefined && outcome.outcome === 'success';
    return { outcome: isNews ? this.#failureOf(failure) : outcome, uploaded };
  }

  #failureOf(error: unknown): Outcome {
    if (this.#isCancelled) return { outcome: 'cancelled' };
    // The whole of it, with paths of this machine, is for the node's operator.
    if (!(error instanceof UserError)) this.world.onError(error);
    return failureOf(error, this.disk.excess.code);
  }

  #tell(report: Told): void {
    if (this.#isDropped) return;
    const { taskId, instance, traceparent } = this.order;
    this.world.report({
      ...toldWithout(this.#secrets, report),
      leaseId: this.#leaseId,
      taskId,
      instance,
      ...(traceparent === undefined ? {} : { traceparent }),
    });
  }
}
