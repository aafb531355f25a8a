import { Inject, Injectable } from '@nestjs/common';
import { LogUnavailable, WritesStopped } from '@fornax/event-store';
import type { Logger } from 'pino';
import { HealthRegistry } from './health.registry.js';
import { LOGGER } from './tokens.js';

/** Why nothing may be written now, for people. */
export interface WriteStop {
  /** Unique in the process, e.g. `disk`; names the condition in health and logs. */
  readonly name: string;
  /** 507 when there is no room, 503 for all else. Both mean that nothing was done. */
  readonly status: 503 | 507;
  /** What is wrong, in a sentence without its full stop. Clients see it: it holds no secret and no path. */
  readonly message: string;
  /** What an operator can do, each a sentence with the command in it. Shown to operators alone. */
  readonly ways: readonly string[];
  /**
   * `platform`: what services and nodes write is taken all the same; only what users ask for is refused. `log`: of that only what tells what happened,
   * and nothing that nodes store, which is as large as users' commands make it.
   */
  readonly spares?: 'platform' | 'log';
}

/** Who wants to write: somebody through the API, a node that stores what a command made, or the platform about what happened. */
export type Writer = 'user' | 'node' | 'platform';

/** Interval between retries of postponed writes while no reason is added or removed, in milliseconds. */
const AGAIN_MS = 2_000;

/**
 * Why nothing may be written by this process at present. Whatever writes asks `check` first: every append to the event log does, and every
 * upload should. While a reason stands the process is not ready, answers reads, and says why and what to do in `/health`.
 */
@Injectable()
export class WriteStops {
  private readonly stops = new Map<string, WriteStop>();
  private readonly owed = new Set<() => void>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly health: HealthRegistry,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Sets a reason, changes it, or lifts it (undefined). Each change is one line in the log; saying the same again is none. */
  set(name: string, stop: Omit<WriteStop, 'name'> | undefined): void {
    const before = this.stops.get(name);
    if (stop === undefined) {
      if (!this.stops.delete(name)) return;
      this.logger.info({ stop: name }, 'writing is allowed again');
    } else {
      this.stops.set(name, { name, ...stop });
      if (isSame(before, stop)) return;
      const { status, message, ways, spares } = stop;
      this.logger.error({ stop: name, status, ways, spares }, `nothing may be written: ${message}`);
    }
    this.health.readiness(name, () => this.textOf(name));
    this.tryOwed();
  }

  /**
   * Does what a start writes (a first account, a default) now, or as soon as it may be written: a start that is refused would end the process.
   * `work` is safe to repeat.
   * @throws whatever `work` throws beside WritesStopped, the first time
   */
  onceAllowed(what: string, work: () => Promise<void>): Promise<void> {
    return this.attempt(what, work, false);
  }

  private async attempt(what: string, work: () => Promise<void>, isAgain: boolean): Promise<void> {
    try {
      await work();
    } catch (error) {
      // A server that is started again on the way is no reason to forget it.
      if (!(error instanceof (isAgain ? LogUnavailable : WritesStopped))) throw error;
      if (!isAgain) this.logger.warn({ what }, 'written once it may be');
      const again = (): void => {
        this.owed.delete(again);
        this.attempt(what, work, true).catch((failure: unknown) =>
          this.logger.error({ err: failure, what }, 'could not be written'),
        );
      };
      this.owed.add(again);
      this.tryOwedLater();
    }
  }

  private tryOwed(): void {
    for (const again of [...this.owed]) again();
  }

  /** The log itself may have refused (its store has no room): then nothing here changes once it takes commits again. */
  private tryOwedLater(): void {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.tryOwed();
    }, AGAIN_MS);
    this.timer.unref();
  }

  /** In the order in which they were set. */
  list(): readonly WriteStop[] {
    return [...this.stops.values()];
  }

  /** @throws WritesStopped with the first reason that refuses this writer */
  check(writer: Writer = 'user'): void {
    for (const { status, message, spares } of this.stops.values())
      if (writer === 'user' || spares === undefined || (writer === 'node' && spares === 'log'))
        throw new WritesStopped(status, `${message}. Nothing was done; /health tells an operator what to do`);
  }

  private textOf(name: string): string | undefined {
    const stop = this.stops.get(name);
    return stop && [stop.message, ...stop.ways.map((way, index) => `(${index + 1}) ${way}`)].join('. ');
  }
}

const isSame = (before: WriteStop | undefined, { status, message, ways, spares }: Omit<WriteStop, 'name'>): boolean =>
  before?.status === status &&
  before.message === message &&
  before.spares === spares &&
  before.ways.join('\n') === ways.join('\n');
