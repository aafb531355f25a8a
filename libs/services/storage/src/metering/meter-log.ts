import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { newId, type Clock } from '@fornax/base';
import { meterDecider, type MeterState } from '@fornax/domain';
import { decideAndAppend, loadAggregate, type JetStreamLog, type Loaded } from '@fornax/event-store';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
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

  constructor(
    @InjectDataSource('storage') private readonly db: DataSource,
    @Inject(EVENT_LOG) private readonly log: JetStreamLog,
    @Inject(CLOCK) private readonly clock: Clock,
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

  /** Tells all time that ends up to an instant. */
  async tell(until: number): Promise<void> {
    for (;;) {
      // Others tell parts, too.
      const told = await loadAggregate(this.log, 'meter', METER_ID, meterDecider, this.told);
      this.told = told;
      const next = await takePart(this.db, told.state, until, this.doubted);
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
