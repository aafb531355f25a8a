import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { newId, type Clock, type MonotonicClock } from '@fornax/base';
import { meterDecider, type MeterState } from '@fornax/domain';
import { decideAndAppend, loadAggregate, type JetStreamLog, type Loaded } from '@fornax/event-store';
import { CLOCK, EVENT_LOG, MONOTONIC_CLOCK } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { partsTold, takePart, type MeterPart } from './meter-rows.js';

export const METER_ID = 'storage';
/** The log says when its last message came. Messages that were given up may stand before its head. */
const LOOKED_AT = 100;

/** Tells the log what was metered, part after part. */
@Injectable()
export class MeterLog {
  private told: Loaded<MeterState> | undefined;
  /** A part that the log did not know at the last look. If it does not know it at the next one either, it has lost it. */
  private doubted: number | undefined;
  /** When the log was asked what time it is, by a clock that nobody sets. */
  private askedAt: number | undefined;

  constructor(
    @InjectDataSource('storage') private readonly db: DataSource,
    @Inject(EVENT_LOG) private readonly log: JetStreamLog,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(MONOTONIC_CLOCK) private readonly monotonic: MonotonicClock,
  ) {}

  /** When the last message of the log came, by the clock of its server; undefined of an empty one. */
  async time(): Promise<number | undefined> {
    const { sequence } = await this.log.head();
    let last: bigint | undefined;
    if (sequence > 0)
      for await (const batch of this.log.messages(Math.max(1, sequence - LOOKED_AT), sequence))
        last = batch.at(-1)?.timeNs ?? last;
    return last === undefined ? undefined : Number(last / 1_000_000n);
  }

  /**
   * The same. The log's clock goes on with its commits: one that is behind ours by a whole part of time is quiet, or ours is wrong. A commit of its own says which.
   * @param slotMs how long a part of time is: it is asked once in each at most
   */
  async timeOrAsk(clockMs: number, slotMs: number): Promise<number | undefined> {
    const logMs = await this.time();
    const now = this.monotonic.elapsed();
    if (logMs === undefined || clockMs - logMs < slotMs) return logMs;
    if (this.askedAt !== undefined && now - this.askedAt < slotMs) return logMs;
    // No time is closed by that: what was held until now is not noted yet.
    await this.tell(0, true);
    this.askedAt = now;
    return this.time();
  }

  /**
   * Tells all time that ends up to an instant.
   * @param asksForTime tells the log something in any case, where there are buckets: then it says what time it is, though nobody else writes to it
   */
  async tell(until: number, asksForTime = false): Promise<void> {
    for (let isFirst = true; ; isFirst = false) {
      // Others tell parts, too.
      const told = await loadAggregate(this.log, 'meter', METER_ID, meterDecider, this.told);
      this.told = told;
      const next = await takePart(this.db, told.state, {
        ...{ until, lost: this.doubted, asksForTime: asksForTime && isFirst },
      });
      this.doubted = next && 'doubted' in next ? next.doubted : undefined;
      if (!next || 'doubted' in next) return;
      this.told = await this.append(told, next);
      await partsTold(this.db, this.told.state.part);
    }
  }

  private async append(loaded: Loaded<MeterState>, part: MeterPart): Promise<Loaded<MeterState>> {
    const at = this.clock.now();
    const { state, sequence } = await decideAndAppend({
      ...{ log: this.log, aggregate: 'meter' as const, id: METER_ID, decider: meterDecider, loaded },
      command: { type: 'RecordReadings', ...part, at },
      commitId: `meter-${part.part}-${part.until}`,
      meta: { actor: 'service:storage', source: 'storage', correlationId: newId(at) },
      at,
    });
    return { state, sequence };
  }
}
