import { dirname, join } from 'node:path';

import { inSpan, type RpcClient, RpcRefused, backoffMs, delay } from '@fornax/base';
import {
  type GrantReply,
  type HeldLease,
  type HeldPhase,
  grantReplySchema,
  type LeaseOrder,
  type LiveInstance,
  type NodeReport,
  networkOf,
  nodeRpcSubject,
} from '@fornax/contracts';
import {
  CommandTooLong,
  type Driver,
  type InstanceExit,
  type PreparedInstance,
  type RunningInstance,
} from '@fornax/drivers';
import type { DurablePublisher } from '@fornax/event-store';
import { S3Client, type S3Connection, type S3Keys } from '@fornax/s3';

import { InstanceMeter } from '../live/instance-meter.js';
import type { Measurable } from '../live/live-beat.js';
import { ProgressReader } from '../live/progress-reader.js';
import { LogPipe } from '../output/log-pipe.js';
import { type InstancePlan, planOf, UserError } from '../profile/command-of.js';
import { downloadInputs, refreshInputs } from './inputs.js';
import { type Outcome, noteOfKills, outcomeOf } from './outcome-of.js';
import { WaitedTooLong } from './lease-line.js';
import { ResourceRefresh } from './resource-refresh.js';
import { PhaseTimes } from './phase-times.js';
import { startWallLimit } from './wall-limit.js';
import { notesOf } from './notes.js';
import { plainText } from './plain-text.js';
import { type Manifest, type Uploaded, manifestOf, selectResults, uploadFiles } from './results.js';

/** What an instance needs of its node. */
export interface InstanceWorld {
  readonly nodeId: string;
  readonly driver: Driver;
  /** PATH of instances. */
  readonly path: string;
  readonly rpc: RpcClient;
  readonly publisher: Pick<DurablePublisher, 'publish'>;
  readonly s3: S3Connection;
  readonly report: (report: NodeReport) => void;
  /** Whether the lease is still this node's, at this very moment. */
  readonly isHeld: () => boolean;
  /**
   * Resolves when it is the lease's turn; what comes back lets go of its cores and memory.
   * @throws WaitedTooLong it is to be given back
   */
  readonly turn?: (order: LeaseOrder, signal: AbortSignal) => Promise<() => void>;
  /** Resolves once the node's disk has room for an instance. */
  readonly room?: (signal: AbortSignal) => Promise<void>;
  /** Whether the node's disk has no room now. */
  readonly isDiskFull?: () => Promise<boolean>;
  /** Frequency of the node's cores now. */
  readonly ghz: () => number;
  readonly onError: (error: unknown) => void;
}

export type Phase = 'accepted' | 'preparing' | 'running' | 'uploading' | 'ended';

const HELD: Readonly<Record<Exclude<Phase, 'ended'>, HeldPhase>> = {
  accepted: 'preparing',
  preparing: 'preparing',
  running: 'running',
  uploading: 'uploading',
};

const KILL_AFTER_MS = 2_000;
const GRANT_TRIES_MS = 300_000;
const GRANT_TIMEOUT_MS = 5_000;
const GRANT_FRESH_MS = 300_000;
type Granted = Extract<GrantReply, { granted: true }>;
type Ended = Extract<NodeReport, { kind: 'ended' }>;
/** A report without what all reports of a lease share. */
type Told = NodeReport extends infer R
  ? R extends NodeReport
    ? Omit<R, 'leaseId' | 'taskId' | 'instance' | 'traceparent'>
    : never
  : never;
type End = Omit<Extract<Told, { kind: 'ended' }>, 'kind'>;
const NO_FILES: Uploaded = { files: 0, bytes: 0, leftOut: [] };
const overfillText = (bytes: number): string =>
  `The instance was ended: its files took ${Math.ceil(bytes / 1e6)} MB, and the disk of its node is full`;

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
 */
export class Instance implements Measurable {
  /** Ends preparing and uploading. */
  readonly #abort = new AbortController();
  /** Ends the storing of output as well, which a cancelled instance's owner still wants. */
  readonly #dropping = new AbortController();
  readonly #leaseId: string;
  /** The storage with the rights of a grant. */
  readonly #s3: (keys: S3Keys) => S3Client;
  readonly #publisher: Pick<DurablePublisher, 'publish'>;
  readonly #refresh: ResourceRefresh;
  #bringNew: ((signal: AbortSignal) => Promise<void>) | undefined;
  #phase: Phase = 'accepted';
  /** Grows with whatever gets done besides the command. */
  #moved = 0;
  #isCancelled = false;
  #isDropped = false;
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
  #before: Manifest = new Map();
  #grant: { readonly granted: Granted; readonly at: number } | undefined;
  readonly done: Promise<void>;

  constructor(
    private readonly world: InstanceWorld,
    readonly order: LeaseOrder,
  ) {
    this.#leaseId = order.leaseId;
    const moved = (): void => void (this.#moved += 1);
    this.#s3 = (keys) => new S3Client({ ...keys, connection: world.s3, onMoved: moved });
    this.#publisher = {
      publish: async (...message) => {
        const published = await world.publisher.publish(...message);
        moved();
        return published;
      },
    };
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
    return { leaseId: this.#leaseId, taskId, instance, phase: this.#times.phase, progress, ...gauges };
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

  /** Bytes that its files take on the node's disk, as far as they can still grow. */
  async diskBytes(): Promise<number> {
    if (this.#phase !== 'preparing' && this.#phase !== 'running') return 0;
    return (await this.#prepared?.diskBytes()) ?? 0;
  }

  /** Its files took the last room of the node: it is killed, they go at once, and it ends as a failure of the platform, without results. */
  async overfill(bytes: number): Promise<void> {
    if (this.#phase !== 'preparing' && this.#phase !== 'running') return;
    this.#overfill = bytes;
    await this.#clear(new Error(overfillText(bytes)));
  }

  /** Kills it and removes its files. */
  async #clear(why: Error): Promise<void> {
    if (this.#phase === 'preparing') this.#abort.abort(why);
    this.#running?.kill();
    // Not after the rest: what is left to do writes to disks that may be this one.
    await this.#running?.exit;
    await this.#prepared?.dispose().catch((error: unknown) => this.world.onError(error));
  }

  /** Files and folders that it has on the node's disk, as far as they can still grow in number. */
  async diskFiles(): Promise<number> {
    if (this.#phase !== 'preparing' && this.#phase !== 'running') return 0;
    return (await this.#prepared?.diskFiles()) ?? 0;
  }

  /** Its files are more than one instance may have: as `overfill`, but it ends as a limit. */
  async exceedDisk(why: string): Promise<void> {
    if (this.#phase !== 'preparing' && this.#phase !== 'running') return;
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
    await this.done;
  }

  #stop(): void {
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
        uploadedFiles: 0,
        uploadedBytes: 0,
      };
    }
    this.#phase = 'ended';
    await this.#refresh.close();
    // Reported before the folders go: the next lease may already come while they do, or begin if it waits here.
    this.#leave?.();
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
    const running = await prepared.start(plan).catch(asUserError);
    this.#running = running;
    this.#phase = 'running';
    // Not sooner: starting hands the job's files over to the instance's user.
    if (this.#bringNew) this.#refresh.open(this.#bringNew);
    if (this.#isDropped) running.kill();
    if (this.#isCancelled) this.#stop();
    const { startedAt } = running;
    this.#begun = { startedAt, elapsed: performance.now() };
    this.#times.enter('execution');
    this.#meter.begin(performance.now());
    this.#tell({ kind: 'started', startedAt });
    const stopClock = this.#limit(plan);
    const progress = new ProgressReader(plan.progress, world.onError);
    this.#progress = progress;
    running.stdout.on('data', (chunk: Buffer) => progress.take(chunk));
    const { taskId, instance, leaseId, attempt } = order;
    const source = { nodeId: world.nodeId, taskId, instance, leaseId, attempt };
    const [stdout, stderr] = (['stdout', 'stderr'] as const).map(
      (name) => new LogPipe(this.#publisher, source, name, running[name], this.#dropping.signal, () => running.kill()),
    );
    const exit = await inSpan('run', {}, () => running.exit);
    stopClock();
    this.#meter.end(world.ghz(), performance.now());
    this.#times.enter('shutdown');
    this.#phase = 'uploading';
    const refreshed = this.#refresh.close();
    this.#tell({ kind: 'exited' });
    await Promise.all([stdout?.finish(), stderr?.finish(), refreshed]);
    const verdict = outcomeOf(exit, {
      wasCancelled: this.#isCancelled,
      isDiskFull: (await world.isDiskFull?.()) === true,
      memoryMB: order.memoryMB,
      ...(this.#overfill === undefined ? {} : { overfill: overfillText(this.#overfill) }),
      stderrTail: stderr?.tail ?? '',
      ...(this.#exceeded === undefined ? {} : { exceeded: this.#exceeded }),
      lostOutput: stdout?.isBroken === true || stderr?.isBroken === true,
      ...(this.#isOverTime && plan.wallLimitMs !== undefined ? { wallLimitMs: plan.wallLimitMs } : {}),
    });
    const { outcome, uploaded } = await this.#upload(verdict, plan);
    const { averageGHz } = this.#meter;
    const notes = [...notesOf(uploaded.leftOut), ...noteOfKills(exit, outcome, order.memoryMB)];
    return {
      ...outcome,
      ...(notes.length === 0 ? {} : { notes }),
      ...this.#usageOf(exit),
      ...this.#times.report(),
      ...(averageGHz === undefined ? {} : { averageGHz }),
      startedAt,
      uploadedFiles: uploaded.files,
      uploadedBytes: uploaded.bytes,
    };
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
    const granted = needsGrant ? await this.#credentials() : undefined;
    signal.throwIfAborted();
    const prepared = await world.driver.prepare({
      id: order.leaseId,
      cores: order.cores,
      memoryMB: order.memoryMB,
      network: networkOf(order),
    });
    this.#prepared = prepared;
    const plan = planOf(order, granted?.secrets ?? {}, prepared.paths, world.path);
    if (granted && order.resources.length > 0) {
      const { jobDir } = prepared;
      const folder = plan.resourcesFolder;
      this.#times.enter('download');
      const inputs = await downloadInputs(this.#s3(granted.s3), order.resources, join(jobDir, folder), signal);
      this.#before = await manifestOf(jobDir, { seenAs: prepared.paths.job, signal });
      this.#times.enter('environment');
      const place = { jobDir, folder, stagingDir: dirname(jobDir) };
      this.#bringNew = async (ending) => {
        const { s3 } = await this.#credentials();
        const replaced = await refreshInputs(this.#s3(s3), order.resources, place, inputs, ending);
        // What the platform brought is no result of the command.
        this.#before = new Map([...this.#before, ...replaced]);
      };
    }
    signal.throwIfAborted();
    return { prepared, plan };
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
    this.#times.enter('upload');
    try {
      return await inSpan('upload', {}, async () => {
        const selection = await selectResults(jobDir, this.#before, plan.filter, {
          seenAs: paths.job,
          signal: this.#abort.signal,
        });
        if (selection.files.length === 0) return { outcome, uploaded: { ...NO_FILES, leftOut: selection.leftOut } };
        const { s3 } = await this.#credentials();
        const uploaded = await uploadFiles(this.#s3(s3), jobDir, selection, results, { signal: this.#abort.signal });
        const { failure } = uploaded;
        return { outcome: failure === undefined ? outcome : this.#unlessFailed(outcome, failure), uploaded };
      });
    } catch (error) {
      return { outcome: this.#unlessFailed(outcome, error), uploaded: NO_FILES };
    }
  }

  /** What the command did stays the first thing to tell. */
  #unlessFailed(outcome: Outcome, error: unknown): Outcome {
    return outcome.outcome === 'success' ? this.#failureOf(error) : outcome;
  }

  /** S3 credentials and secrets of this lease, asked for again when they are old. @throws Error the platform does not grant them */
  async #credentials(): Promise<Granted & { readonly s3: S3Keys }> {
    if (this.#grant && performance.now() - this.#grant.at < GRANT_FRESH_MS) return this.#grant.granted;
    const { leaseId, taskId, instance } = this.order;
    const { signal } = this.#abort;
    const deadline = performance.now() + GRANT_TRIES_MS;
    for (let failures = 1; ; failures += 1) {
      try {
        const reply = await this.world.rpc.request(
          nodeRpcSubject(this.world.nodeId, 'grant'),
          { leaseId, taskId, instance },
          grantReplySchema,
          GRANT_TIMEOUT_MS,
        );
        if (!reply.granted) throw new Error(`the platform did not grant the lease: ${reply.reason}`);
        this.#grant = { granted: reply, at: performance.now() };
        return reply;
      } catch (error) {
        const isAnswer =
          error instanceof RpcRefused ||
          (error instanceof Error && error.message.startsWith('the platform did not grant'));
        if (isAnswer || performance.now() > deadline) throw error;
        await delay(backoffMs(failures), signal);
        signal.throwIfAborted();
      }
    }
  }

  #failureOf(error: unknown): Outcome {
    if (this.#isCancelled) return { outcome: 'cancelled' };
    if (error instanceof UserError) {
      const { cause, code, message } = error;
      return { outcome: 'failure', cause, error: { code, message, debug: '' } };
    }
    // The whole of it, with paths of this machine, is for the node's operator.
    this.world.onError(error);
    return {
      outcome: 'failure',
      cause: 'platform',
      error: {
        code: this.#overfill === undefined ? 'FX-NODE' : 'FX-DISK-FULL',
        message: plainText(error),
        debug: '',
      },
    };
  }

  /** When it failed; of a command that had started, as that start and what has passed since, like the end of any other. */
  #timesOfFailure(): Pick<Ended, 'startedAt' | 'endedAt'> {
    if (!this.#begun) return { endedAt: Date.now() };
    const { startedAt, elapsed } = this.#begun;
    return { startedAt, endedAt: startedAt + Math.round(performance.now() - elapsed) };
  }

  #usageOf(exit: InstanceExit): Pick<Ended, 'endedAt' | 'exitCode' | 'signal' | 'cpuMs' | 'peakMemoryMB'> {
    const { endedAt, exitCode, signal, cpuMs, peakMemoryMB } = exit;
    return {
      endedAt,
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(signal === undefined ? {} : { signal }),
      ...(cpuMs === undefined ? {} : { cpuMs: Math.round(cpuMs) }),
      ...(peakMemoryMB === undefined ? {} : { peakMemoryMB: Math.ceil(peakMemoryMB) }),
    };
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
