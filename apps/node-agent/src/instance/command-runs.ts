import type { Consistency } from '@fornax/domain';
import type { InstanceExit, InstanceUse, PreparedInstance } from '@fornax/drivers';

import type { InstancePlan } from '../profile/command-of.js';
import { CommandRun, type Output } from './command-run.js';
import type { Program } from './copy-moments.js';
import type { Circumstances } from './outcome-of.js';
import type { SavedRun, StateSaver } from './state-saver.js';
import { startWallLimit } from './wall-limit.js';

/** What two runs of one command come to: the end of the later, and what both used. */
const together = (earlier: InstanceExit, later: InstanceExit): InstanceExit => {
  const memoryKills = (earlier.memoryKills ?? 0) + (later.memoryKills ?? 0);
  return {
    ...later,
    ...(later.cpuMs === undefined ? {} : { cpuMs: later.cpuMs + (earlier.cpuMs ?? 0) }),
    ...(later.peakMemoryMB === undefined
      ? {}
      : { peakMemoryMB: Math.max(later.peakMemoryMB, earlier.peakMemoryMB ?? 0) }),
    ...(memoryKills === 0 ? {} : { memoryKills }),
  };
};

/**
 * The command of an instance, from its first start to its last end. One that ends by the exit code which says that its state is saved is run again in its
 * place, once a snapshot of that is taken: with its files, as the same attempt, in what is left of its time, and its output goes on.
 */
export class CommandRuns implements Program {
  readonly #ending = new AbortController();
  readonly #since = performance.now();
  readonly #exit: Promise<InstanceExit>;
  #progress = 0;
  /** Between two runs. */
  #isOverTime = false;

  private constructor(
    private readonly prepared: Pick<PreparedInstance, 'start'>,
    private readonly plan: InstancePlan,
    private readonly output: Output,
    private readonly saver: StateSaver,
    private current: CommandRun,
  ) {
    this.startedAt = current.startedAt;
    this.#exit = this.#runToEnd();
    // Whoever waits for it learns of it.
    this.#exit.catch(() => undefined);
  }

  /** Milliseconds since the epoch, of the first start. */
  readonly startedAt: number;

  /** @throws UserError Linux does not take the command */
  static async start(
    prepared: Pick<PreparedInstance, 'start'>,
    plan: InstancePlan,
    output: Output,
    saver: StateSaver,
  ): Promise<CommandRuns> {
    return new CommandRuns(prepared, plan, output, saver, await CommandRun.start(prepared, plan, output));
  }

  get consistency(): Consistency {
    return this.plan.consistency;
  }

  get isOver(): boolean {
    return this.current.isOver;
  }

  get over(): Promise<unknown> {
    return this.current.over;
  }

  get outputBytes(): CommandRun['outputBytes'] {
    return this.current.outputBytes;
  }

  /** Of one that has not said how far it is since it began again: as far as it was. */
  get progress(): number {
    return this.current.progress || this.#progress;
  }

  tell(signal: string): Promise<number> {
    return this.current.tell(signal);
  }

  /** Connects to a port on which it listens now. @throws Error nothing does, or there is no way in */
  reach(port: number): ReturnType<CommandRun['reach']> {
    return this.current.reach(port);
  }

  /** Runs one more command beside it. @throws Error there is no way in */
  enter(command: Parameters<CommandRun['enter']>[0]): ReturnType<CommandRun['enter']> {
    return this.current.enter(command);
  }

  freeze(forMs: number): Promise<boolean> {
    return this.current.freeze(forMs);
  }

  thaw(): void {
    this.current.thaw();
  }

  async measure(): Promise<InstanceUse> {
    return this.current.isOver ? {} : this.current.measure();
  }

  /** What is to run before, SIGTERM, and SIGKILL two seconds later. */
  stop(): void {
    this.#ending.abort();
    this.current.stop();
  }

  kill(): void {
    this.#ending.abort();
    this.current.kill();
  }

  /** Resolves when the command is over, and not to be run again. What it wrote may not be stored yet. @throws Error it could not be run again */
  exit(): Promise<InstanceExit> {
    return this.#exit;
  }

  /** Resolves when what it wrote is stored. */
  stored(): Promise<void> {
    return this.current.stored();
  }

  /** What its end is judged by; whole once `stored`. */
  get circumstances(): Pick<Circumstances, 'stderrTail' | 'lostOutput' | 'wallLimitMs' | 'stuck'> {
    const { stuck } = this.saver;
    const { wallLimitMs } = this.plan;
    return {
      ...this.current.circumstances,
      ...(this.#isOverTime && wallLimitMs !== undefined ? { wallLimitMs } : {}),
      ...(stuck === undefined ? {} : { stuck }),
    };
  }

  get notes(): readonly string[] {
    return [...this.current.notes, ...this.saver.notes];
  }

  async #runToEnd(): Promise<InstanceExit> {
    let begunAt = this.#since;
    let all = await this.current.exit();
    for (let exit = all; this.#hasSaved(exit);) {
      await this.current.stored();
      const saved = { exitCode: exit.exitCode ?? 0, ranMs: performance.now() - begunAt };
      if (this.#isUnfit() || !(await this.#save(saved))) break;
      begunAt = performance.now();
      await this.#runAgain(begunAt - this.#since);
      exit = await this.current.exit();
      all = together(all, exit);
    }
    // It took its time to the end, though nothing of it ran by then.
    return this.#isOverTime ? { ...all, endedAt: this.startedAt + Math.round(performance.now() - this.#since) } : all;
  }

  /** Its time goes on meanwhile: a storage that does not answer does not stop it. */
  async #save(run: SavedRun): Promise<boolean> {
    const { wallLimitMs } = this.plan;
    const { signal } = this.#ending;
    if (wallLimitMs === undefined) return this.saver.save(run, signal);
    const over = new AbortController();
    const stopClock = startWallLimit(Math.max(0, wallLimitMs - (performance.now() - this.#since)), () => {
      this.#isOverTime = true;
      over.abort();
    });
    return this.saver.save(run, AbortSignal.any([signal, over.signal])).finally(stopClock);
  }

  #hasSaved({ kind, exitCode, signal }: InstanceExit): boolean {
    return kind === 'exited' && signal === undefined && exitCode === this.plan.consistency.exitCode;
  }

  /** It is to end, its time is over, or its output was lost. */
  #isUnfit(): boolean {
    const { lostOutput, wallLimitMs } = this.current.circumstances;
    return this.#ending.signal.aborted || lostOutput === true || wallLimitMs !== undefined;
  }

  async #runAgain(spentMs: number): Promise<void> {
    const { outputBytes, share, progress } = this.current;
    this.#progress = progress || this.#progress;
    this.current = await CommandRun.start(this.prepared, this.plan, this.output, { outputBytes, share, spentMs });
    // Whoever ended it meanwhile ended the one before.
    if (this.#ending.signal.aborted) this.current.kill();
  }
}
