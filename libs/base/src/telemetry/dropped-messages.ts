import { counterOf } from './metrics.js';

/** The part of a logger that is used. */
export interface WarningLogger {
  warn(fields: object, message: string): void;
}

/** Where a part of an intake says what it did not take in. */
export interface Refusals<Reason extends string> {
  refuse(reason: Reason, about: object): void;
}

const LOG_EVERY_MS = 10_000;

/**
 * What an intake does not take in: counted in `fornax.intake.dropped` by intake and reason, both from lists that the code holds, and told in the
 * log at most once in ten seconds for each reason, with how many there were. So a sender that misbehaves can flood neither.
 */
export class DroppedMessages<Reason extends string> implements Refusals<Reason> {
  private readonly counter = counterOf('fornax.intake.dropped');
  private readonly told = new Map<Reason, { at: number; since: number }>();

  constructor(
    private readonly intake: string,
    private readonly logger: WarningLogger,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** Something that no honest sender sends. `about` must hold nothing secret. */
  refuse(reason: Reason, about: object): void {
    this.count(reason);
    const now = this.nowMs();
    const told = this.told.get(reason);
    if (told && now - told.at < LOG_EVERY_MS) {
      told.since += 1;
      return;
    }
    const others = told?.since ?? 0;
    this.told.set(reason, { at: now, since: 0 });
    this.logger.warn(
      { intake: this.intake, reason, ...about, ...(others > 0 ? { others } : {}) },
      'a message was dropped',
    );
  }

  /** Ordinary traffic that says nothing new: a repeat, or a report that comes too late. */
  passOver(reason: Reason, count = 1): void {
    this.count(reason, count);
  }

  private count(reason: Reason, count = 1): void {
    this.counter.add(count, { intake: this.intake, reason });
  }
}
