import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import {
  CautiousClock,
  DueTimer,
  GATHER_MS,
  type Clock,
  type DueLook,
  type Logger,
  type MonotonicClock,
} from '@fornax/base';
import { CLOCK, LOGGER, MONOTONIC_CLOCK } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { InjectDatabase } from '../model/database.js';

/** Rows handled together. */
const BATCH = 200;

/** Objects that are due at an instant that stands in their rows. */
export interface DueRows<R> {
  readonly table: string;
  /** The column of that instant, in milliseconds; null in rows that are never due. */
  readonly dueAt: string;
  /** The columns that `end` needs. */
  readonly columns: string;
  readonly barrier: { caughtUp(): Promise<boolean> };
  /** Ends them, and resolves once their rows show it. Safe to repeat and to do from several processes. */
  readonly end: (due: readonly R[]) => Promise<void>;
  /** What is said when that fails. */
  readonly failed: string;
}

/** Something that is done again and again, when it is due or may be. */
export interface DueWork {
  /** Does what can be done now. Safe to repeat and to do from several processes. */
  readonly look: (signal: AbortSignal) => Promise<DueLook>;
  /** What is said when that fails. */
  readonly failed: string;
}

/** Ends objects when they are due, from the start of the process to its end. Every replica does this, so the log has to take each end once. */
@Injectable()
export class DueObjects implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly timers: DueTimer[] = [];
  private readonly clock: Clock;

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    @Inject(CLOCK) clock: Clock,
    @Inject(MONOTONIC_CLOCK) private readonly monotonic: MonotonicClock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    // What is ended because a clock was set has ended all the same.
    this.clock = new CautiousClock(clock, monotonic);
  }

  /** To be called while the process is built. @returns tells that a due time may be new */
  whenDue<R>(rows: DueRows<R>): () => void {
    return this.whenWoken({ look: (signal) => this.endAll(rows, signal), failed: rows.failed });
  }

  /** To be called while the process is built. @returns tells that there may be something to do */
  whenWoken(work: DueWork): () => void {
    const { monotonic, logger } = this;
    const timer = new DueTimer({ ...work, monotonic, logger });
    this.timers.push(timer);
    return () => timer.wakeIn(GATHER_MS);
  }

  /** Milliseconds since the epoch, by a clock that is not believed at once when it is set forward. */
  now(): number {
    return this.clock.now();
  }

  onApplicationBootstrap(): void {
    for (const timer of this.timers) timer.wakeIn(0);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.timers.map((timer) => timer.close()));
  }

  /** Ends all that are due, in batches, until `signal` aborts. */
  private async endAll<R>(rows: DueRows<R>, signal: AbortSignal): Promise<DueLook> {
    const { table, dueAt, barrier } = rows;
    const isUpToDate = await barrier.caughtUp();
    // Rows that do not move, such as old ones beside which new ones are folded, would show the same objects again and again.
    while ((await this.endBatch(rows)) === BATCH && isUpToDate && !signal.aborted);
    const [row] = await this.db.query<{ next: string | null }[]>(
      `SELECT min(${dueAt}) AS next FROM ${table} WHERE ${dueAt} IS NOT NULL`,
    );
    const next = row?.next ?? null;
    return { isUpToDate, nextInMs: next === null ? undefined : Number(next) - this.clock.now() };
  }

  private async endBatch<R>({ table, dueAt, columns, end }: DueRows<R>): Promise<number> {
    const due = await this.db.query<R[]>(
      `SELECT ${columns} FROM ${table} WHERE ${dueAt} <= $1 ORDER BY ${dueAt} LIMIT ${BATCH}`,
      [this.clock.now()],
    );
    if (due.length > 0) await end(due);
    return due.length;
  }
}
