import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { backoffMs, delay } from '@fornax/base';
import { TaskLeases } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { OUTPUT_CONFIG, type OutputConfig } from '../config/output-config.js';
import { OutputArchive } from './output-archive.js';
import { OutputErrors } from './output-errors.js';
import {
  collectGarbage,
  forgetOld,
  largeStreams,
  moveOldest,
  pruneUnfinished,
  type LargeStream,
} from './segment-store.js';
import { InjectDatabase } from '../config/database.js';

/** One archiver at a time, over all processes: an advisory lock of the database. */
const LOCK = [0x466f726e, 0x4c6f6773] as const;
/** Looks without being woken: for what a process that is gone has left. */
const IDLE_MS = 60_000;
/** Between two rounds, whatever wakes it. */
const PAUSE_MS = 200;
const ROUND_BACKOFF = { firstMs: 1_000, longestMs: 30_000 } as const;
/** How long output may wait to be taken in while very much of it is on its way out. */
const RELIEF_MS = 30_000;
/** A stream with so many times what it should keep in the database: its printers wait, which is no matter of anybody else. */
const BEHIND = 2;
/** And one with so many times that: all output waits, since nodes of earlier releases do not ask whether they may go on. */
const FAR_BEHIND = 4;

/**
 * Moves output from the database to object storage: the oldest of a stream that grows beyond its bound, and most of a large one whose task is over.
 * What fails stays where it is and is tried again. The order is: note the object, store it, then in one transaction note what it holds and drop the
 * rows; so a crash leaves an object that nothing points to, which the next round removes, and never output that is nowhere.
 */
@Injectable()
export class OutputArchiver implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private wake: () => void = () => undefined;
  private isWanted = true;
  private failures = 0;
  private waiters: (() => void)[] = [];

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    @Inject(OUTPUT_CONFIG) private readonly config: OutputConfig,
    private readonly archive: OutputArchive,
    private readonly errors: OutputErrors,
    private readonly tasks: TaskLeases,
  ) {}

  /** Most that a stream may keep in the database. Beyond it output is lost, so it is far away while storage takes what is moved. */
  get mostBytes(): number {
    if (!this.archive.isThere) return this.config.logKeepBytes;
    return this.config.logKeepBytes * (this.failures > 0 ? 4 : 16);
  }

  onApplicationBootstrap(): void {
    if (this.archive.isThere) this.running = this.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    this.wake();
    await this.running;
  }

  /** There may be something to move. */
  nudge(): void {
    this.isWanted = true;
    this.wake();
  }

  /**
   * Those of the tasks that have more in the database than is moved to object storage at its pace; none while storage is away, where output beyond a
   * bound is lost, and said to be, rather than stopping whoever prints it for as long as that takes.
   */
  async behindAmong(taskIds: readonly string[]): Promise<ReadonlySet<string>> {
    if (taskIds.length === 0 || !this.archive.isThere || this.failures > 0) return new Set();
    const rows = await this.db.query<{ task_id: string }[]>(
      'SELECT DISTINCT task_id FROM log_stream WHERE task_id = ANY($1) AND kept_bytes > $2',
      [taskIds, this.config.logKeepBytes * BEHIND],
    );
    if (rows.length > 0) this.nudge();
    return new Set(rows.map((row) => row.task_id));
  }

  /** Told how much a stream keeps after a batch. Waits, bounded, while far more comes in than goes out. */
  async relieve(keptBytes: number): Promise<void> {
    // Output may come after its task has ended: then the smaller bound counts.
    if (!this.archive.isThere || keptBytes <= Math.min(this.config.logKeepBytes, this.config.logKeepEndedBytes)) return;
    this.nudge();
    if (keptBytes <= this.config.logKeepBytes * FAR_BEHIND || this.failures > 0) return;
    const round = new Promise<void>((resolve) => this.waiters.push(resolve));
    await Promise.race([round, delay(RELIEF_MS, this.stop.signal, { ref: false })]);
  }

  private async run(): Promise<void> {
    while (!this.stop.signal.aborted) {
      let waitMs = PAUSE_MS;
      if (!this.isWanted) await this.idle();
      this.isWanted = false;
      try {
        await this.round();
        this.failures = 0;
      } catch (error) {
        if (this.stop.signal.aborted) return;
        this.failures += 1;
        this.isWanted = true;
        this.errors.notArchived(error);
        waitMs = backoffMs(this.failures, ROUND_BACKOFF);
      }
      this.waiters.splice(0).forEach((resolve) => resolve());
      await delay(waitMs, this.stop.signal);
    }
  }

  private async idle(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, IDLE_MS);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.stop.signal.aborted) this.wake();
    });
    this.isWanted = true;
  }

  private async round(): Promise<void> {
    const lock = this.db.createQueryRunner();
    try {
      const [row] = (await lock.query('SELECT pg_try_advisory_lock($1, $2) AS is_mine', [...LOCK])) as {
        is_mine: boolean;
      }[];
      if (row?.is_mine !== true) return;
      try {
        await this.work();
      } finally {
        await lock.query('SELECT pg_advisory_unlock($1, $2)', [...LOCK]);
      }
    } finally {
      await lock.release();
    }
  }

  private async work(): Promise<void> {
    await pruneUnfinished(this.db);
    await collectGarbage(this.db, this.archive);
    await forgetOld(this.db);
    const { logKeepBytes, logKeepEndedBytes } = this.config;
    const large = await largeStreams(this.db, logKeepBytes, logKeepEndedBytes, (ids) => this.tasks.endedAmong(ids));
    for (const stream of large) await this.move(stream);
    if (large.length > 0) this.isWanted = true;
  }

  private async move(stream: LargeStream): Promise<void> {
    const segmentBytes = Math.min(4 * 1024 * 1024, Math.ceil(this.config.logKeepBytes / 4));
    const target = stream.isOver ? 0 : Math.floor(this.config.logKeepBytes * 0.75);
    let kept = stream.keptBytes;
    while (kept > target && !this.stop.signal.aborted) {
      const moved = await moveOldest(this.db, this.archive, stream, segmentBytes);
      if (moved === 0) return;
      kept -= moved;
    }
  }
}
