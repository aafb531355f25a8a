import { Inject, Injectable } from '@nestjs/common';
import { NotFound, type Clock } from '@fornax/base';
import type { EventLog } from '@fornax/event-store';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { checkReached, isUpTo, type AsOf } from '@fornax/tasks';
import { applyPoolCommit, isPoolCommit, type PoolStatus } from '../model/pool-status.js';

/** Commits that are held at once. */
const PART = 500;

/** Time travel (architecture, section 5): the state of a pool as of a moment is the fold up to there. */
@Injectable()
export class PoolAsOf {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @returns also what "now" was then @throws NotFound it did not exist yet, or not any more @throws ValidationFailed a sequence that the log has not reached */
  async read(poolId: string, asOf: AsOf): Promise<{ readonly status: PoolStatus; readonly now: number }> {
    await checkReached(this.log, asOf);
    let status: PoolStatus | undefined;
    let at = 0;
    for await (const commit of this.commits(poolId)) {
      if (!isUpTo(asOf, commit)) break;
      const next = applyPoolCommit(status, commit);
      if (next === null)
        throw new NotFound(`The pool ${poolId} was deleted at ${new Date(commit.at).toISOString()}`, {
          code: 'pool-deleted',
        });
      [status, at] = [next, commit.at];
    }
    if (!status) throw new NotFound(`The pool ${poolId} did not exist yet`, { code: 'pool-not-yet' });
    return { status, now: 'instant' in asOf ? Math.min(asOf.instant, this.clock.now()) : at };
  }

  private async *commits(poolId: string) {
    for (let after = 0; ;) {
      const part = await this.log.readAggregate('pool', poolId, after, PART);
      for (const commit of part) if (isPoolCommit(commit)) yield commit;
      const last = part.at(-1);
      if (last === undefined || part.length < PART) return;
      after = last.sequence;
    }
  }
}
