import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import { aggregatePages, type EventLog } from '@fornax/event-store';
import { NotFound, type Clock } from '@fornax/base';
import { checkReached, isUpTo, type AsOf } from './as-of.js';

/** An object as it stood at a moment of the past. */
export interface PastObject<S> {
  readonly status: S;
  /** What "now" was then, milliseconds: the instant that was asked for, or the time of the last commit at or before the sequence. */
  readonly now: number;
}

/** Time travel (architecture, section 5): the state of an object of one kind as of a moment is the fold up to there. */
export class ObjectAsOf<S> {
  /** @param of what a commit makes of the state; null: the object is gone */
  constructor(
    private readonly of: {
      readonly aggregate: Aggregate;
      readonly apply: (before: S | undefined, commit: RecordedCommit) => S | undefined | null;
    },
    private readonly log: EventLog,
    private readonly clock: Clock,
  ) {}

  /** @throws NotFound it did not exist yet, or not any more @throws ValidationFailed a sequence that the log has not reached */
  async read(id: string, asOf: AsOf): Promise<PastObject<S>> {
    const { aggregate, apply } = this.of;
    await checkReached(this.log, asOf);
    let status: S | undefined;
    let at = 0;
    reading: for await (const commits of aggregatePages(this.log, aggregate, id))
      for (const commit of commits) {
        if (!isUpTo(asOf, commit)) break reading;
        const next = apply(status, commit);
        if (next === null)
          throw new NotFound(`The ${aggregate} ${id} was deleted at ${new Date(commit.at).toISOString()}`, {
            code: `${aggregate}-deleted`,
          });
        [status, at] = [next, commit.at];
      }
    if (status === undefined)
      throw new NotFound(`The ${aggregate} ${id} did not exist yet`, { code: `${aggregate}-not-yet` });
    return { status, now: 'instant' in asOf ? Math.min(asOf.instant, this.clock.now()) : at };
  }
}
