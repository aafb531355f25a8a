import { delay, type Redactor } from '@fornax/base';
import type { LeaseOrder } from '@fornax/contracts';
import type { Consistency } from '@fornax/domain';
import {
  CommandTooLong,
  type EnteredCommand,
  type EnteringCommand,
  type InstanceExit,
  type PreparedInstance,
  type RunningInstance,
} from '@fornax/drivers';

import { ProgressReader } from '../live/progress-reader.js';
import type { OutputShare } from '../output/output-line.js';
import { LogPipe } from '../output/log-pipe.js';
import { UserError } from '../failure/user-error.js';
import type { InstancePlan } from '../profile/command-of.js';
import type { Program } from './copy-moments.js';
import type { InstanceWorld } from './instance-world.js';
import { noteOfPauses } from './notes.js';
import type { Circumstances } from './outcome-of.js';
import { runShutdown } from './run-shutdown.js';
import { startWallLimit } from './wall-limit.js';

const KILL_AFTER_MS = 2_000;

export interface Output extends Pick<InstanceWorld, 'nodeId' | 'output' | 'publisher' | 'onError'> {
  readonly order: LeaseOrder;
  /** Ends the storing of what it writes. */
  readonly signal: AbortSignal;
  /** Makes what takes secrets out of one of its outputs; undefined: there are none. */
  readonly redactor: (() => Redactor) | undefined;
}

/** What ran before it in the same instance, and is over. */
interface Before extends Pick<CommandRun, 'outputBytes' | 'share'> {
  /** How long the instance has been running, of the time that it has. */
  readonly spentMs: number;
}

/** What Linux does not take is the command's matter: tried again, it would not be taken either. */
const asUserError = (error: unknown): never => {
  if (error instanceof CommandTooLong) throw new UserError('FX-COMMAND', error.message);
  throw error;
};

/** A command that runs on this node: what it writes, how far it says it is, and the time that it has. */
export class CommandRun implements Program {
  readonly #progress: ProgressReader;
  readonly #stdout: LogPipe;
  readonly #stderr: LogPipe;
  readonly #stopClock: () => void;
  readonly #redactor: Output['redactor'];
  readonly share: OutputShare;
  #isOverTime = false;
  #isOver = false;
  #isStopping = false;
  #shutdownNote: string | undefined;

  private constructor(
    private readonly running: RunningInstance,
    private readonly plan: Pick<InstancePlan, 'progress' | 'wallLimitMs' | 'consistency' | 'shutdown'>,
    { order, signal, redactor, nodeId, output, publisher, onError }: Output,
    before: Before | undefined,
  ) {
    this.#redactor = redactor;
    const progress = new ProgressReader(plan.progress, onError);
    this.#progress = progress;
    running.stdout.on('data', (chunk: Buffer) => progress.take(chunk));
    const { taskId, instance, leaseId, attempt } = order;
    const source = { nodeId, taskId, instance, leaseId, attempt };
    this.share = before?.share ?? output.open(taskId);
    const options = { signal, share: this.share, onBroken: () => running.kill() };
    const { stdout: out = 0, stderr: err = 0 } = before?.outputBytes ?? {};
    this.#stdout = new LogPipe(publisher, source, 'stdout', running.stdout, {
      ...options,
      redactor: redactor?.(),
      from: out,
    });
    this.#stderr = new LogPipe(publisher, source, 'stderr', running.stderr, {
      ...options,
      redactor: redactor?.(),
      from: err,
    });
    this.#stopClock = this.#startClock(before?.spentMs ?? 0);
    void running.exit.then(() => (this.#isOver = true));
  }

  get consistency(): Consistency {
    return this.plan.consistency;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get over(): Promise<unknown> {
    return this.running.exit;
  }

  tell(signal: string): Promise<number> {
    return this.running.tell(signal);
  }

  freeze(forMs: number): Promise<boolean> {
    return this.running.freeze(forMs);
  }

  thaw(): void {
    this.running.thaw();
  }

  /** Connects to a port on which it listens. @throws Error nothing does, or there is no way in */
  reach(port: number): ReturnType<RunningInstance['connect']> {
    return this.running.connect(port);
  }

  /** Runs one more command beside it. @throws Error there is no way in */
  enter(command: EnteringCommand): Promise<EnteredCommand> {
    return this.running.enter(command);
  }

  /** @throws UserError Linux does not take the command */
  static async start(
    prepared: Pick<PreparedInstance, 'start'>,
    plan: InstancePlan,
    output: Output,
    before?: Before,
  ): Promise<CommandRun> {
    return new CommandRun(await prepared.start(plan).catch(asUserError), plan, output, before);
  }

  #startClock(spentMs: number): () => void {
    const { wallLimitMs } = this.plan;
    if (wallLimitMs === undefined) return () => undefined;
    return startWallLimit(Math.max(0, wallLimitMs - spentMs), () => {
      this.#isOverTime = true;
      this.#end();
    });
  }

  /** Bytes of output so far. */
  get outputBytes(): { readonly stdout: number; readonly stderr: number } {
    return { stdout: this.#stdout.takenBytes, stderr: this.#stderr.takenBytes };
  }

  get startedAt(): number {
    return this.running.startedAt;
  }

  get progress(): number {
    return this.#progress.read();
  }

  measure(): ReturnType<RunningInstance['measure']> {
    return this.running.measure();
  }

  /** Runs what is to run before, for a while at most; then SIGTERM, and SIGKILL two seconds later. Safe to repeat. */
  stop(): void {
    if (this.#isStopping || this.#isOver) return;
    this.#isStopping = true;
    const { shutdown } = this.plan;
    if (!shutdown) return this.#end();
    const hear = (outputs: Pick<EnteredCommand, 'stdout' | 'stderr'>): void => {
      this.#stdout.add(outputs.stdout, this.#redactor?.());
      this.#stderr.add(outputs.stderr, this.#redactor?.());
    };
    void runShutdown(this.running, shutdown, hear)
      .then((note) => (this.#shutdownNote = note))
      .finally(() => this.#end());
  }

  #end(): void {
    this.running.terminate();
    void delay(KILL_AFTER_MS, undefined, { ref: false }).then(() => this.running.kill());
  }

  kill(): void {
    this.running.kill();
  }

  /** Resolves when the command is over. What it wrote may not be stored yet. */
  async exit(): Promise<InstanceExit> {
    const exit = await this.running.exit;
    this.#stopClock();
    return exit;
  }

  /** Resolves when what it wrote is stored. */
  async stored(): Promise<void> {
    await Promise.all([this.#stdout.finish(), this.#stderr.finish()]);
  }

  /** What its end is judged by; whole once `stored`. */
  get circumstances(): Pick<Circumstances, 'stderrTail' | 'lostOutput' | 'wallLimitMs'> {
    const { wallLimitMs } = this.plan;
    return {
      stderrTail: this.#stderr.tail,
      lostOutput: this.#stdout.isBroken || this.#stderr.isBroken,
      ...(this.#isOverTime && wallLimitMs !== undefined ? { wallLimitMs } : {}),
    };
  }

  get notes(): readonly string[] {
    const note = this.#shutdownNote;
    return [...noteOfPauses(this.#stdout, this.#stderr), ...(note === undefined ? [] : [note])];
  }
}
