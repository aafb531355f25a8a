import type { Logger } from '../ports/logger.js';

/** How long nothing is placed after commits of the log were given up. Milliseconds. */
export interface SettlingTime {
  /** Nodes whose session the log does not know have come back, or have ended what they ran, within this. */
  readonly leastMs: number;
  /** Nodes that say nothing of what they run (of an earlier version) are not waited for any longer. */
  readonly mostMs: number;
}

/** Number of lease lists of a node after which it certainly works on nothing else: the second list triggers the order, the third one confirms it. */
const LISTS_TO_SETTLE = 4;

/**
 * How long nothing is placed from now on; undefined when that time is over.
 * @param passedMs since when it is known here that commits were given up, by each clock that can tell. The shortest counts, since a clock that was
 *   set forward says too much; one that was set back says less than nothing, which is nothing
 */
export const settlingFor = (
  { graceMs, listMs }: { readonly graceMs: number; readonly listMs: number },
  ...passedMs: readonly number[]
): SettlingTime | undefined => {
  const passed = Math.max(0, Math.min(...passedMs));
  const leastMs = 2 * graceMs;
  const mostMs = leastMs + LISTS_TO_SETTLE * Math.max(graceMs, listMs);
  if (passed >= mostMs) return undefined;
  return { leastMs: Math.max(0, leastMs - passed), mostMs: mostMs - passed };
};

export interface SettlingOptions extends SettlingTime {
  /** Whether the nodes work on nothing any more but what the log says that they hold. */
  readonly isSettled: () => boolean;
  readonly onOver: () => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Nodes may run what was dispatched in commits that the log has lost: for the log it waits. It is not placed before they have ended it, or it would
 * run twice at once; what they run under leases that the log knows goes on. States: settling -> over (all nodes have told, or the time is up).
 */
export class Settling {
  private mayEnd = false;
  private hasEnded = false;
  private readonly timers: readonly NodeJS.Timeout[];

  constructor(private readonly options: SettlingOptions) {
    const { leastMs, mostMs, logger, signal } = options;
    logger.warn(
      { leastMs, mostMs },
      'commits of the event log were given up: nothing is placed until nodes have ended what it does not know',
    );
    this.timers = [
      setTimeout(() => {
        this.mayEnd = true;
        this.look();
      }, leastMs),
      setTimeout(() => this.end('the time is up'), mostMs),
    ];
    signal.addEventListener('abort', () => this.stop(), { once: true });
  }

  get isOver(): boolean {
    return this.hasEnded;
  }

  /** Call when a node has told what it works on. */
  look(): void {
    if (this.mayEnd && !this.hasEnded && this.options.isSettled()) this.end('all nodes have told what they run');
  }

  private end(why: string): void {
    if (this.hasEnded || this.options.signal.aborted) return;
    this.hasEnded = true;
    this.stop();
    this.options.logger.info({ why }, 'instances are placed again');
    this.options.onOver();
  }

  private stop(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }
}
