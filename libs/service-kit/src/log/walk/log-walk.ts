import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import type { BeforeApplicationShutdown, OnApplicationBootstrap, Provider } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { delay } from '@fornax/base';
import { JetStreamLog, type EventLog } from '@fornax/event-store';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import type { CoreConfig } from '../../config/core-config.js';
import { WriteStops } from '../../core/write-stops.js';
import { CORE_CONFIG, EVENT_LOG, LOGGER } from '../../core/tokens.js';
import { nextPart, restAfterMs, stepEveryMs } from './walk-pace.js';

/** Of its row in `projection_checkpoint`: what is verified behind it. */
const NAME = 'log-walk';
/** How long the process is left alone while it is busy, or while nothing may be written. */
const BUSY_MS = 5_000;
const AGAIN_MS = 60_000;
const LONGEST_END_MS = 2_000;
/** Timers of Node.js are shorter than a month; nobody waits for this one. */
const LONGEST_MS = 3_600_000;
/** The part of its time that the process works for others, from which on it is busy. */
const BUSY_PART = 0.5;

interface Place {
  readonly sequence: number;
  /** Since it was written, by the database's clock. */
  readonly ageMs: number;
}

interface Parts {
  readonly log: JetStreamLog;
  readonly db: DataSource;
  readonly stops: WriteStops;
  readonly logger: Logger;
  /** For the whole log; 0 for never. */
  readonly everyMs: number;
}

/**
 * Reads the whole log again and again, slowly, so that damage to old commits is noticed before a rebuild needs them: followers read only what is new.
 * What is found goes into the quarantine, as it does for `fornax log verify`. The place is kept with the rows, so a restart goes on there, and two
 * processes share one walk. It reads nothing while the process is busy or may not write, and rests the longer the slower the disk is.
 */
class LogWalk implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private walking: Promise<void> = Promise.resolve();
  private worked: EventLoopUtilization = performance.eventLoopUtilization();

  constructor(private readonly parts: Parts) {}

  onApplicationBootstrap(): void {
    if (this.parts.everyMs > 0) this.walking = this.walk();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    // A step that waits for a server that is gone is not waited for.
    await Promise.race([this.walking, delay(LONGEST_END_MS, undefined, { ref: false })]);
  }

  private async walk(): Promise<void> {
    const { signal } = this.stop;
    let waitMs = 0;
    while (!signal.aborted) {
      await delay(Math.min(LONGEST_MS, Math.max(1, waitMs)), signal, { ref: false });
      if (signal.aborted) return;
      waitMs = await this.step().catch((error: unknown) => {
        if (!signal.aborted) this.parts.logger.warn({ err: error }, 'the walk over the event log will try again');
        return AGAIN_MS;
      });
    }
  }

  /** @returns after how many milliseconds to look again */
  private async step(): Promise<number> {
    const { log, stops, everyMs } = this.parts;
    if (this.isBusy() || stops.list().length > 0) return BUSY_MS;
    const { epoch, sequence: head } = await log.head();
    const place = await this.place(epoch);
    const dueInMs = stepEveryMs(head, everyMs) - place.ageMs;
    if (dueInMs > 0) return dueInMs;
    const began = performance.now();
    const { to, damage } = await log.verify(nextPart(place.sequence, head));
    const open = damage.filter(({ isGivenUp }) => !isGivenUp);
    if (open.length > 0)
      this.parts.logger.error(
        { damage: open.map(({ id, reason }) => ({ id, reason })) },
        'the walk over the event log has found damage',
      );
    if (to >= head) this.parts.logger.info({ head }, 'the walk over the event log has come to its end');
    await this.moved(epoch, place.sequence, to >= head ? 0 : to);
    return restAfterMs(performance.now() - began);
  }

  private isBusy(): boolean {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.worked);
    this.worked = now;
    return utilization > BUSY_PART;
  }

  /** Where the walk stands in this log; its first step is due as long after the first start as any other step. */
  private async place(epoch: string): Promise<Place> {
    const [row] = await this.parts.db.query<{ readonly sequence: string; readonly age_ms: number }[]>(
      `INSERT INTO projection_checkpoint (projection, epoch, sequence) VALUES ($1, $2, 0)
       ON CONFLICT (projection) DO UPDATE SET
         sequence = CASE WHEN projection_checkpoint.epoch = excluded.epoch THEN projection_checkpoint.sequence ELSE 0 END,
         updated_at = CASE WHEN projection_checkpoint.epoch = excluded.epoch THEN projection_checkpoint.updated_at ELSE now() END,
         epoch = excluded.epoch
       RETURNING sequence, extract(epoch FROM now() - updated_at)::float8 * 1000 AS age_ms`,
      [NAME, epoch],
    );
    return { sequence: Number(row?.sequence ?? 0), ageMs: Math.max(0, row?.age_ms ?? 0) };
  }

  /** Unless another process has moved it meanwhile. */
  private async moved(epoch: string, from: number, to: number): Promise<void> {
    await this.parts.db.query(
      `UPDATE projection_checkpoint SET sequence = $4, updated_at = now() WHERE projection = $1 AND epoch = $2 AND sequence = $3`,
      [NAME, epoch, from, to],
    );
  }
}

/** Provides the walk over the log, with its place in the schema of one service: one service of a platform has it. */
export const provideLogWalk = (service: string): Provider => ({
  provide: LogWalk,
  inject: [EVENT_LOG, getDataSourceToken(service), WriteStops, LOGGER, CORE_CONFIG],
  useFactory: (log: EventLog, db: DataSource, stops: WriteStops, logger: Logger, { logWalkMs }: CoreConfig) => {
    if (!(log instanceof JetStreamLog)) throw new Error('only a log on JetStream can be walked');
    return new LogWalk({ log, db, stops, logger, everyMs: logWalkMs });
  },
});
