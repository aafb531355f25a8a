import { inSpan, delay } from '@fornax/base';
import {
  type HeldLease,
  type HeldPhase,
  type LeaseOrder,
  type LiveInstance,
  MOST_WAITING_CHARS,
  networkOf,
} from '@fornax/contracts';
import { CommandTooLong, type PreparedInstance, type RunningInstance } from '@fornax/drivers';
import type { DurablePublisher } from '@fornax/event-store';
import { S3Client } from '@fornax/s3';

import { InstanceMeter } from '../live/instance-meter.js';
import type { Measurable } from '../live/live-beat.js';
import { ProgressReader } from '../live/progress-reader.js';
import { LogPipe } from '../output/log-pipe.js';
import { type InstancePlan, planOf, UserError } from '../profile/command-of.js';
import { boundOf, excessOf } from './disk-share.js';
import type { InstanceWorld } from './instance-world.js';
import { type InputSource, JobInputs } from './job-inputs.js';
import { LeaseGrant, withRow } from './lease-grant.js';
import { type Outcome, failureOf, noteOfKills, outcomeOf, overfillText, usageOf } from './outcome-of.js';
import { WaitedTooLong } from './lease-line.js';
import type { Patience } from './patience.js';
import { readPin } from './pinned-inputs.js';
import { type ResultsPlace, storeResults } from './store-results.js';
import type { End, Told } from './told.js';
import { ResourceRefresh } from './resource-refresh.js';
import { PhaseTimes } from './phase-times.js';
import { placeSlotFiles, Slot } from './slot.js';
import { startWallLimit } from './wall-limit.js';
import { noteOfPauses, notesOf, reportable } from './notes.js';
import { type Manifest, type Uploaded, manifestOf, NO_FILES, reportOf } from './results.js';

export type Phase = 'accepted' | 'preparing' | 'running' | 'uploading' | 'ended';

const HELD: Readonly<Record<Exclude<Phase, 'ended'>, HeldPhase>> = {
  accepted: 'preparing',
  preparing: 'preparing',
  running: 'running',
  uploading: 'uploading',
};

const KILL_AFTER_MS = 2_000;
/** What lies in a job without inputs before its command begins. */
const NOTHING: Manifest = new Map();
/** What Linux does not take is the command's matter: tried again, it would not be taken either. */
const asUserError = (error: unknown): never => {
  if (error instanceof CommandTooLong) throw new UserError('FX-COMMAND', error.message);
  throw error;
};

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
  /** The storage with the rights of its grant. */
  readonly #storage: () => Promise<S3Client>;
  readonly #publisher: Pick<DurablePublisher, 'publish'>;
  readonly #refresh: ResourceRefresh;
  #phase: Phase = 'accepted';
  /** Grows with whatever gets done besides the command. */
  #moved = 0;
  #isCancelled = false;
  #isDropped = false;
  /** Why its results are not stored yet. */
  #waiting: string | undefined;
  #isOverTime = false;
  /** Bytes of its files when they took the node's last room. */
  #overfill: number | undefined;
  /** Why it was ended when its files were more than one instance may have. */
  #exceeded: string | undefined;
  readonly #times = new PhaseTimes();
  readonly #meter: InstanceMeter;
  #progress: ProgressReader | undefined;
  #running: RunningInstance | undefined;
  #begun: { readonly startedAt: number; readonly elapsed: number } | undefined;
  #prepared: PreparedInstance | undefined;
  #leave: (() => void) | undefined;
  #inputs: JobInputs | undefined;
  /** Digest of the list of them, once it is stored. */
  #recorded: Promise<string | undefined> | undefined;
  /** What it is to the instances in its room, once it is ready. */
  #slot: Slot | undefined;
  readonly #release = Promise.withResolvers<undefined>();
  #leaveSlot: (() => void) | undefined;
  /** What its slot has brought into its job. */
  #placed: Manifest = NOTHING;
  readonly #grant: LeaseGrant;
  readonly done: Promise<void>;

  constructor(
    private readonly world: InstanceWorld,
    readonly order: LeaseOrder,
  ) {
    this.#leaseId = order.leaseId;
    const moved = (): void => void (this.#moved += 1);
    this.#storage = async () => new S3Client({ ...(await this.#grant.get()).s3, connection: world.s3, onMoved: moved });
    this.#publisher = {
      publish: async (...message) => {
        const published = await world.publisher.publish(...message);
        moved();
        return published;
      },
    };
    this.#grant = new LeaseGrant(world, order, this.#abort.signal);
    this.#refresh = new ResourceRefresh((error) => world.onError(error));
    this.#meter = new InstanceMeter(order.cores);
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

  /** What a snapshot takes; undefined unless the command runs. */
  get files():
    | { readonly jobDir: string; readonly seenAs: string; readonly before: Manifest; readonly signal: AbortSignal }
    | undefined {
    if (this.#phase !== 'running' || !this.#prepared) return undefined;
    const { jobDir, paths } = this.#prepared;
    return { jobDir, seenAs: paths.job, before: this.#before, signal: this.#abort.signal };
  }

  /** What the platform brought: no result of the command unless that changes it. */
  get #before(): Manifest {
    const inputs = this.#inputs?.before ?? NOTHING;
    return this.#placed.size === 0 ? inputs : new Map([...this.#placed, ...inputs]);
  }

  /** The room that it is to instances; undefined unless it is a slot of a pool, and ready. */
  get slot(): Slot | undefined {
    return this.#phase === 'running' && !this.#isCancelled && !this.#isDropped ? this.#slot : undefined;
  }

  /** Fetches what is new in the buckets of inputs, once the first ones are there. @param update counts the task's requests */
  refresh(update: number): void {
    this.#refresh.ask(update);
  }

  async measure(): Promise<void> {
    if (this.#phase !== 'running' || !this.#running) return;
    const use = await this.#running.measure();
    this.#meter.measured(use, this.world.ghz(), performance.now());
  }

  live(): LiveInstance | undefined {
    if (this.#phase === 'accepted' || this.#phase === 'ended' || this.#isDropped) return undefined;
    const { taskId, instance } = this.order;
    const progress = this.#progress?.read() ?? 0;
    const gauges = this.#meter.gauges(performance.now());
    return {
      leaseId: this.#leaseId,
      taskId,
      instance,
      phase: this.#times.phase,
      progress,
      ...gauges,
      ...this.#whyWaiting,
    };
  }

  get #whyWaiting(): Pick<LiveInstance, 'waiting'> {
    return this.#waiting === undefined ? {} : { waiting: this.#waiting.slice(0, MOST_WAITING_CHARS).toWellFormed() };
  }

  /** What a heartbeat says of it; undefined once its end was told. */
  get held(): HeldLease | undefined {
    if (this.#phase === 'ended') return undefined;
    return { leaseId: this.#leaseId, phase: HELD[this.#phase], moved: this.#moved };
  }

  /** Its start and its exit once more, as far as it has come: the platform did not hear them. */
  tellAgain(): void {
    if (this.#begun && this.#phase !== 'ended') this.#tell({ kind: 'started', startedAt: this.#begun.startedAt });
    if (this.#phase === 'uploading') this.#tell({ kind: 'exited' });
  }

  /** Room for its files that it was promised, in bytes, as long as they can grow; 0: none. */
  get promisedBytes(): number {
    const mayGrow = this.#phase === 'accepted' || this.#writesFiles;
    // In a slot it has the slot's room.
    return mayGrow && this.order.inSlot === undefined ? (this.order.diskMB ?? 0) * 1e6 : 0;
  }

  /** Its files can still grow. */
  get #writesFiles(): boolean {
    return this.#phase === 'preparing' || this.#phase === 'running';
  }

  /** Bytes that its files take on the node's disk, as far as they can still grow. */
  async diskBytes(): Promise<number> {
    if (!this.#writesFiles) return 0;
    return (await this.#prepared?.diskBytes()) ?? 0;
  }

  /** Its files took the last room of the node: it is killed, they go at once, and it ends as a failure of the platform, without results. */
  async overfill(bytes: number): Promise<void> {
    if (!this.#writesFiles) return;
    this.#overfill = bytes;
    await this.#clear(new Error(overfillText(bytes)));
  }

  /** Kills it and removes its files. */
  async #clear(why: Error): Promise<void> {
    if (this.#phase === 'preparing') this.#abort.abort(why);
    this.#running?.kill();
    this.#release.resolve(undefined);
    // Not after the rest: what is left to do writes to disks that may be this one.
    await this.#running?.exit;
    await this.#prepared?.dispose().catch((error: unknown) => this.world.onError(error));
  }

  /** Files and folders that it has on the node's disk, as far as they can still grow in number. */
  async diskFiles(): Promise<number> {
    if (!this.#writesFiles) return 0;
    return (await this.#prepared?.diskFiles()) ?? 0;
  }

  /** Its files are more than one instance may have: as `overfill`, but it ends as a limit. */
  async exceedDisk(why: string): Promise<void> {
    if (!this.#writesFiles) return;
    this.#exceeded = why;
    await this.#clear(new UserError('FX-DISK-LIMIT', why, 'limit'));
  }

  /** It does not get on: ends as a failure of the platform. A running command is left alone, how long that takes is its user's matter. */
  giveUp(): void {
    if (this.#phase === 'running' || this.#phase === 'ended') return;
    this.#abort.abort(new Error(`the instance did not get on with ${this.#times.phase}, and was given up`));
    this.#dropping.abort();
  }

  /** SIGTERM, and SIGKILL two seconds later; the outcome will be `cancelled`. Safe to repeat. */
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
    this.#running?.kill();
    this.#release.resolve(undefined);
    await this.done;
  }

  #stop(): void {
    this.#release.resolve(undefined);
    this.#running?.terminate();
    void delay(KILL_AFTER_MS, undefined, { ref: false }).then(() => this.#running?.kill());
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
        ...this.#timesOfFailure(),
        ...reportOf(NO_FILES),
      };
    }
    this.#phase = 'ended';
    await this.#refresh.close();
    // Reported before the folders go: the next lease may already come while they do, or begin if it waits here.
    this.#leave?.();
    this.#leaveSlot?.();
    this.#tell({ kind: 'ended', ...ended });
    await this.#prepared?.dispose().catch((error: unknown) => this.world.onError(error));
  }

  async #work(): Promise<End> {
    const { order, world } = this;
    this.#leave = await world.turn?.(order, this.#abort.signal);
    this.#times.begin();
    this.#phase = 'preparing';
    const { prepared, plan } = await inSpan('prepare', {}, () => this.#prepare());
    this.#assertHeld();
    if (order.slot) return this.#hold(prepared, plan);
    const { exit, stdout, stderr, refreshed, startedAt } = await this.#run(prepared, plan);
    this.#tell({ kind: 'exited' });
    await Promise.all([stdout?.finish(), stderr?.finish(), refreshed]);
    this.#exceeded ??= await this.#lastExcess();
    const verdict = await this.#verdict(exit, plan, stdout, stderr);
    const { outcome, uploaded } = await this.#upload(verdict, plan);
    const list = this.#inputs?.isRefreshed === true ? await this.#record(this.#inputs) : await this.#recorded;
    const { averageGHz } = this.#meter;
    const notes = [
      ...(this.#inputs?.notes ?? []),
      ...notesOf(uploaded.leftOut),
      ...noteOfKills(exit, outcome, order.memoryMB),
      ...noteOfPauses(stdout, stderr),
    ];
    return {
      ...outcome,
      ...(notes.length === 0 ? {} : { notes: [...reportable(notes)] }),
      ...usageOf(exit),
      ...this.#times.report(),
      ...(averageGHz === undefined ? {} : { averageGHz }),
      startedAt,
      ...reportOf(uploaded),
      ...(list === undefined ? {} : { inputs: list }),
    };
  }

  /** Runs the command to its end. What it wrote may not be stored yet. */
  async #run(prepared: PreparedInstance, plan: InstancePlan) {
    const { order, world } = this;
    const running = await prepared.start(plan).catch(asUserError);
    this.#running = running;
    this.#phase = 'running';
    // Not sooner: starting hands the job's files over to the instance's user.
    const inputs = this.#inputs;
    if (inputs && !order.slot) this.#refresh.open((ending) => inputs.bringNew(ending));
    // Beside the command, which does not wait for it.
    this.#recorded = order.slot ? undefined : this.#record(inputs);
    if (this.#isDropped) running.kill();
    if (this.#isCancelled) this.#stop();
    const { startedAt } = running;
    this.#meter.begin(performance.now());
    if (!order.slot) this.#start(startedAt);
    const stopClock = this.#limit(plan);
    const progress = new ProgressReader(plan.progress, world.onError);
    this.#progress = progress;
    running.stdout.on('data', (chunk: Buffer) => progress.take(chunk));
    const { taskId, instance, leaseId, attempt } = order;
    const source = { nodeId: world.nodeId, taskId, instance, leaseId, attempt };
    const share = world.output.open(taskId);
    const pipeOptions = { signal: this.#dropping.signal, share, onBroken: () => running.kill() };
    const [stdout, stderr] = (['stdout', 'stderr'] as const).map(
      (name) => new LogPipe(this.#publisher, source, name, running[name], pipeOptions),
    );
    const exit = await inSpan('run', {}, () => running.exit);
    stopClock();
    this.#meter.end(world.ghz(), performance.now());
    if (order.slot) return { exit, stdout, stderr, refreshed: undefined, startedAt };
    this.#times.enter('shutdown');
    this.#phase = 'uploading';
    return { exit, stdout, stderr, refreshed: this.#refresh.close(), startedAt };
  }

  #start(startedAt: number): void {
    this.#begun = { startedAt, elapsed: performance.now() };
    this.#times.enter('execution');
    this.#tell({ kind: 'started', startedAt });
  }

  /** A slot: its preparation runs to its end; from then on it is ready, and stays so until it is cancelled and nobody is inside. */
  async #hold(prepared: PreparedInstance, plan: InstancePlan): Promise<End> {
    const { order, world } = this;
    const { prepares = false, instances = 1 } = order.slot ?? {};
    if (prepares) {
      const { exit, stdout, stderr } = await this.#run(prepared, plan);
      await Promise.all([stdout?.finish(), stderr?.finish()]);
      const verdict = await this.#verdict(exit, plan, stdout, stderr);
      if (verdict.outcome !== 'success')
        return { ...verdict, ...usageOf(exit), ...this.#times.report(), ...reportOf(NO_FILES) };
      this.#running = undefined;
    }
    this.#assertHeld();
    const inputs = this.#inputs;
    if (inputs) this.#refresh.open((ending) => inputs.bringNew(ending));
    const slot = new Slot(prepared.jobDir, () => this.#refresh.settled());
    this.#slot = slot;
    this.#phase = 'running';
    const { cores, memoryMB } = order;
    world.driver.expect?.({ cores: cores / instances, memoryMB: memoryMB / instances, network: networkOf(order) });
    this.#start(Date.now());
    if (this.#isCancelled) this.#release.resolve(undefined);
    await this.#release.promise;
    await slot.empty();
    if (this.#exceeded !== undefined) throw new UserError('FX-DISK-LIMIT', this.#exceeded, 'limit');
    if (this.#overfill !== undefined) throw new Error(overfillText(this.#overfill));
    return { outcome: 'cancelled', ...this.#times.report(), ...this.#timesOfFailure(), ...reportOf(NO_FILES) };
  }

  async #verdict(
    exit: Awaited<RunningInstance['exit']>,
    plan: InstancePlan,
    stdout: LogPipe | undefined,
    stderr: LogPipe | undefined,
  ): Promise<Outcome> {
    const { order, world } = this;
    return outcomeOf(exit, {
      wasCancelled: this.#isCancelled,
      isDiskFull: exit.exitCode !== 0 && (await world.isDiskFull?.()) === true,
      memoryMB: order.memoryMB,
      ...(this.#overfill === undefined ? {} : { overfill: overfillText(this.#overfill) }),
      stderrTail: stderr?.tail ?? '',
      ...(this.#exceeded === undefined ? {} : { exceeded: this.#exceeded }),
      lostOutput: stdout?.isBroken === true || stderr?.isBroken === true,
      ...(this.#isOverTime && plan.wallLimitMs !== undefined ? { wallLimitMs: plan.wallLimitMs } : {}),
    });
  }

  /** What it wrote right before its end nobody has looked at yet. @returns why that is too much */
  async #lastExcess(): Promise<string | undefined> {
    const { diskBound } = this.world;
    const prepared = this.#prepared;
    if (!diskBound || !prepared) return undefined;
    const promisedBytes = (this.order.diskMB ?? 0) * 1e6;
    return excessOf(await prepared.diskLeft(), boundOf({ promisedBytes }, diskBound));
  }

  /** @throws Error this process stood still, say, and the lease is another node's by now: nothing may begin, and nothing be stored */
  #assertHeld(): void {
    if (!this.world.isHeld()) throw new Error('the node was out of contact for too long: the lease is lost');
  }

  /** Stops the command when its time is over. @returns stops the clock */
  #limit({ wallLimitMs }: InstancePlan): () => void {
    if (wallLimitMs === undefined) return () => undefined;
    return startWallLimit(wallLimitMs, () => {
      this.#isOverTime = true;
      this.#stop();
    });
  }

  async #prepare(): Promise<{ prepared: PreparedInstance; plan: InstancePlan }> {
    const { order, world } = this;
    const { signal } = this.#abort;
    await world.room?.(signal);
    const needsGrant = order.resources.length > 0 || order.results !== null || order.secretKeys.length > 0;
    const granted = needsGrant ? await this.#grant.get() : undefined;
    signal.throwIfAborted();
    const prepared = await world.driver.prepare({
      id: order.leaseId,
      cores: order.cores,
      memoryMB: order.memoryMB,
      network: networkOf(order),
    });
    this.#prepared = prepared;
    const whole = granted ? withRow(order, granted) : order;
    const plan = planOf(whole, granted?.secrets ?? {}, prepared.paths, world.path);
    if (granted && order.resources.length > 0) {
      this.#times.enter('download');
      const { jobDir, paths, hasOwnUser } = prepared;
      const place = { jobDir, paths, hasOwnUser, folder: plan.resourcesFolder };
      this.#inputs = await JobInputs.fetch(() => this.#source(), place, signal);
      this.#times.enter('environment');
    }
    await this.#enterSlot(prepared);
    signal.throwIfAborted();
    return { prepared, plan };
  }

  /** Takes room in its slot, with what lies there. @throws Error the slot is not here any more */
  async #enterSlot({ jobDir, paths, hasOwnUser: mayLink }: PreparedInstance): Promise<void> {
    const { inSlot, waitsForPoolResources } = this.order;
    if (inSlot === undefined) return;
    const slot = this.world.slot?.(inSlot);
    if (!slot) throw new Error('the slot of the pool is not here any more');
    this.#leaveSlot = slot.enter();
    if (waitsForPoolResources === true) await slot.synchronized();
    const { signal } = this.#abort;
    if (await placeSlotFiles(slot.jobDir, jobDir, { mayLink, signal }))
      this.#placed = await manifestOf(jobDir, { seenAs: paths.job, signal });
  }

  /** The inputs that it may read now; an earlier scheduler does not say which. */
  async #source(): Promise<Awaited<ReturnType<InputSource>>> {
    const { owner, resources, taskId } = this.order;
    const { inputs = resources, pin } = await this.#grant.get();
    const s3 = await this.#storage();
    const pinned = pin === undefined ? undefined : await readPin(s3, taskId, pin, this.#abort.signal);
    return { s3, owner, cache: this.world.cache, resources: inputs, pin: pinned };
  }

  /** Stores the list of what it got. Never rejects: without one, a copy cannot be pinned to it. */
  async #record(inputs: JobInputs | undefined): Promise<string | undefined> {
    const bytes = inputs?.manifest();
    if (!bytes) return undefined;
    try {
      const { signal } = this.#abort;
      return await this.world.records.store(this.#storage, this.order.taskId, bytes, { signal, ...this.#patience });
    } catch (error) {
      if (!this.#abort.signal.aborted) this.world.onError(error);
      return undefined;
    }
  }

  async #upload(outcome: Outcome, plan: InstancePlan): Promise<{ outcome: Outcome; uploaded: Uploaded }> {
    const { order } = this;
    this.#assertHeld();
    const prepared = this.#prepared;
    const isWanted = outcome.outcome !== 'cancelled' || order.uploadResultsOnCancellation;
    if (!order.results || !prepared || !isWanted || (this.#overfill ?? this.#exceeded) !== undefined)
      return { outcome, uploaded: NO_FILES };
    const { results } = order;
    const { jobDir, paths } = prepared;
    const job = { jobDir, seenAs: paths.job, before: this.#before, of: order };
    const { signal } = this.#abort;
    this.#times.enter('upload');
    const uploaded = await inSpan('upload', {}, () =>
      storeResults(() => this.#resultsPlace(), job, plan.filter, {
        bucket: results.bucket,
        signal,
        patience: {
          onWaiting: (reason) => void (this.#waiting = reason),
          ...this.#patience,
        },
      }),
    );
    const { failure } = uploaded;
    return { outcome: failure === undefined ? outcome : this.#unlessFailed(outcome, failure), uploaded };
  }

  /** Where its results go, which is where it may write now; the grant says where that is another folder than the order's. */
  async #resultsPlace(): Promise<ResultsPlace> {
    const { resultsFolder } = await this.#grant.get();
    const prefix = resultsFolder ?? this.order.results?.prefix ?? null;
    return { s3: await this.#storage(), prefix, isOwn: resultsFolder !== undefined };
  }

  get #patience(): Pick<Patience, 'patienceMs'> {
    return this.world.patienceMs === undefined ? {} : { patienceMs: this.world.patienceMs };
  }

  /** What the command did stays the first thing to tell. */
  #unlessFailed(outcome: Outcome, error: unknown): Outcome {
    return outcome.outcome === 'success' ? this.#failureOf(error) : outcome;
  }

  #failureOf(error: unknown): Outcome {
    if (this.#isCancelled) return { outcome: 'cancelled' };
    // The whole of it, with paths of this machine, is for the node's operator.
    if (!(error instanceof UserError)) this.world.onError(error);
    return failureOf(error, this.#overfill === undefined ? 'FX-NODE' : 'FX-DISK-FULL');
  }

  /** When it failed; of a command that had started, as that start and what has passed since, like the end of any other. */
  #timesOfFailure(): Pick<End, 'startedAt' | 'endedAt'> {
    if (!this.#begun) return { endedAt: Date.now() };
    const { startedAt, elapsed } = this.#begun;
    return { startedAt, endedAt: startedAt + Math.round(performance.now() - elapsed) };
  }

  #tell(report: Told): void {
    if (this.#isDropped) return;
    const { taskId, instance, traceparent } = this.order;
    this.world.report({
      ...report,
      leaseId: this.#leaseId,
      taskId,
      instance,
      ...(traceparent === undefined ? {} : { traceparent }),
    });
  }
}
