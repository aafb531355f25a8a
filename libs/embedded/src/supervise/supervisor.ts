import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessExit } from '../process/server-process.js';
import { HEALTHY_AFTER_MS, restartDelayMs } from './backoff.js';

/** Something that runs as a process and can be ended: a child program, nats-server, PostgreSQL. */
export interface Running {
  readonly pid: number;
  readonly exited: Promise<ProcessExit>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export interface Setback {
  /** How often it ended or did not start since it last ran well, this time included. */
  readonly failures: number;
  readonly restartInMs: number;
}

const setback = (failures: number): Setback => ({ failures, restartInMs: restartDelayMs(failures) });

export interface SupervisorEvents {
  /** After each start, the first one and every restart. */
  readonly onStarted: (name: string, running: Running) => void;
  readonly onCrashed: (name: string, exit: ProcessExit, setback: Setback) => void;
  readonly onRestartFailed: (name: string, error: unknown, setback: Setback) => void;
}

interface Child {
  readonly name: string;
  readonly start: () => Promise<Running>;
  running: Running | undefined;
  /** The loop that restarts it; settles once the child is being stopped and has ended. */
  loop: Promise<void>;
}

/**
 * Keeps processes running: each one that ends by itself is started again, after a pause that doubles up to five seconds while
 * it keeps failing. `stop()` ends them in an order; none is restarted after that.
 */
export class Supervisor {
  private readonly children = new Map<string, Child>();
  private readonly stopping = new AbortController();

  constructor(private readonly events: SupervisorEvents) {}

  /** Starts one and keeps it running. Rejects, and keeps nothing, when the first start fails. */
  async add<T extends Running>(name: string, start: () => Promise<T>): Promise<T> {
    const running = await start();
    const child: Child = { name, start, running, loop: Promise.resolve() };
    this.children.set(name, child);
    if (this.stopping.signal.aborted) {
      await running.stop();
      throw new Error(`${name} was started while everything stops`);
    }
    this.events.onStarted(name, running);
    child.loop = this.keepRunning(child, running);
    return running;
  }

  /** Ends one in order; it is started again as after a crash. Nothing happens while it does not run. */
  async restart(name: string): Promise<void> {
    await this.children.get(name)?.running?.stop();
  }

  get names(): readonly string[] {
    return [...this.children.keys()];
  }

  pidOf(name: string): number | undefined {
    return this.children.get(name)?.running?.pid;
  }

  /**
   * Ends all children, group after group, the children of one group at the same time. Those in no group end first.
   * @param order names of children, as groups
   */
  async stop(order: readonly (readonly string[])[] = []): Promise<void> {
    this.stopping.abort();
    const listed = new Set(order.flat());
    const unlisted = this.names.filter((name) => !listed.has(name));
    for (const group of [unlisted, ...order]) {
      await Promise.all(group.map((name) => this.stopOne(name)));
    }
  }

  /** Ends all children at once, without grace. */
  async kill(): Promise<void> {
    this.stopping.abort();
    await Promise.all([...this.children.values()].map((child) => child.running?.kill()));
  }

  private async stopOne(name: string): Promise<void> {
    const child = this.children.get(name);
    if (child === undefined) return;
    await child.running?.stop();
    await child.loop;
  }

  private async keepRunning(child: Child, first: Running): Promise<void> {
    const { signal } = this.stopping;
    let failures = 0;
    let running = first;
    for (;;) {
      const startedAt = performance.now();
      const exit = await running.exited;
      child.running = undefined;
      if (signal.aborted) return;
      failures = performance.now() - startedAt > HEALTHY_AFTER_MS ? 1 : failures + 1;
      this.events.onCrashed(child.name, exit, setback(failures));
      const next = await this.startAgain(child, failures);
      if (next === undefined) return;
      running = next.running;
      failures = next.failures;
    }
  }

  /** Tries until it runs again or everything stops; the latter gives undefined. */
  private async startAgain(
    child: Child,
    failuresBefore: number,
  ): Promise<{ running: Running; failures: number } | undefined> {
    const { signal } = this.stopping;
    for (let failures = failuresBefore; ; failures += 1) {
      await delay(restartDelayMs(failures), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return undefined;
      try {
        const running = await child.start();
        child.running = running;
        if (this.isStopping()) {
          await running.stop();
          return undefined;
        }
        this.events.onStarted(child.name, running);
        return { running, failures };
      } catch (error) {
        if (this.isStopping()) return undefined;
        this.events.onRestartFailed(child.name, error, setback(failures + 1));
      }
    }
  }

  /** A question, not a constant: stopping may begin while a start is under way. */
  private isStopping(): boolean {
    return this.stopping.signal.aborted;
  }
}
