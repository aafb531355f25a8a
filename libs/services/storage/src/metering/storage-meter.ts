import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { StorageConfig } from '../config/storage.config.js';
import { STORAGE_CONFIG } from '../config/tokens.js';
import { MeterLog } from './meter-log.js';
import { noteHeld, noteSent } from './meter-rows.js';
import { MeteredBuckets } from './metered-buckets.js';
import { SentCounter } from './sent-bytes.js';

/** So far a clock may be before the log: what is held waits for its next commit then. */
const MOST_AHEAD_S = 86_400;

/**
 * Meters what buckets hold and what is sent out of them (docs/adr/0137). Looks at all buckets now and then, and tells the log what was used in each part of time
 * that is over by the log's own clock. In every process: rows and log see to it that nothing counts twice.
 */
@Injectable()
export class StorageMeter {
  constructor(
    @InjectDataSource('storage') private readonly db: DataSource,
    @Inject(STORAGE_CONFIG) private readonly config: StorageConfig,
    private readonly buckets: MeteredBuckets,
    private readonly log: MeterLog,
    private readonly sent: SentCounter,
  ) {}

  /** Looks at all buckets once, and tells what is over. Safe to repeat, and in several processes. */
  async meter(clockMs: number): Promise<void> {
    const logMs = await this.log.timeOrAsk(clockMs, this.config.meter.slotS * 1_000);
    if (logMs !== undefined) await this.meterAt({ clockMs, logMs });
  }

  /** The same at a time. @param logMs when the last message of the log came: what is over by then is told */
  async meterAt({ clockMs, logMs }: { readonly clockMs: number; readonly logMs: number }): Promise<void> {
    await this.noteSent(clockMs);
    const nowS = Math.min(Math.floor(clockMs / 1_000), Math.floor(logMs / 1_000) + MOST_AHEAD_S);
    await noteHeld(this.db, await this.buckets.held(), { nowS, slotS: this.config.meter.slotS });
    await this.log.tell(Math.min(nowS * 1_000, logMs));
  }

  /** Notes what was sent since the last time. */
  async noteSent(clockMs: number): Promise<void> {
    const sent = this.sent.take();
    const at = { nowS: Math.floor(clockMs / 1_000), slotS: this.config.meter.slotS };
    await noteSent(this.db, sent, at).catch((error: unknown) => {
      for (const one of sent) this.sent.add(one);
      throw error;
    });
  }
}
