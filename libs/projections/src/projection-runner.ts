import { setMaxListeners } from 'node:events';
import { delay, Progress } from '@fornax/base';
import type { RecordedCommit } from '@fornax/contracts';
import { type EventLog, LogReset, LogUnavailable, isFoldError } from '@fornax/event-store';
import type { DataSource } from 'typeorm';
import { advanceCheckpoint, readCheckpoint, readPosition } from './projection/checkpoint.js';
import {
  OTHER_LOG,
  type Position,
  type Projection,
  ProjectionOutOfDate,
  type RebuildReport,
} from './projection/projection.js';
import { RebuildInProgress, type RebuildOptions, rebuildProjection } from './rebuild/rebuild-projection.js';
import { CrashWatch } from './projection/crash-watch.js';
import type { VersionedPosition } from './projection/row-version.js';
import { type StoppedAggregate, keyOf, readStopped } from './projection/stopped-aggregates.js';
import { CheckpointMoved, writeBatch, writeBatchCarefully } from './projection/write-batch.js';

export interface ProjectionRunnerOptions {
  readonly log: EventLog;
  /** A data source whose search_path is `schema` (see `createServiceDataSource`). */
  readonly db: DataSource;
  readonly schema: string;
  readonly projection: Projection;
  /** Told about everything that is retried or that stops the projection. */
  readonly onError?: (error: unknown) => void;
  /** Told when it works again after that. */
  readonly onWorking?: () => void;
  /** Told about an aggregate that the fold has stopped at: once committed, again at every start, and after a rebuild that did not help. */
  readonly onStopped?: (stop: StoppedAggregate) => void;
  /** Told about one that stood and was folded by a rebuild. */
  readonly onResolved?: (stop: StoppedAggregate) => void;
  /** Whether rows of another log are folded anew from this one by themselves: it is known to be the right one. Default: no. */
  readonly mayStartOver?: () => boolean;
  /** For how long something may fail, and be tried again, before `health` speaks of it. Default 5,000 milliseconds. */
  readonly passingMs?: number;
  /** Most commits in one transaction. Default 500. */
  readonly maxBatch?: number;
}

/** What `/health` and the lag metric show. */
export interface ProjectionHealth {
  readonly projection: string;
  readonly isHealthy: boolean;
  /** Why not, for people. */
  readonly detail: string | undefined;
  /** Rows of an older version answer while new ones are folded beside them, up to `sequence` of `of`; undefined when that is not so. */
  readonly rebuilding: RebuildStand | undefined;
  /** Why the new rows cannot take the place of the old ones; it is tried again every second. */
  readonly heldUpBy: string | undefined;
  readonly position: Position;
}

/** How far new rows are folded beside old ones, in sequences of the log. */
export interface RebuildStand {
  readonly sequence: number;
  readonly of: number;
}

const DEFAULT_BATCH = 500;
const DEFAULT_PASSING_MS = 5_000;
/** A transaction costs six round trips, however little is in it; who needs a row sooner waits for it, and that ends the pause. */
const DEFAULT_PACE_MS = 100;
/** While a projection is out of date or the database is away: how often to look whether it was rebuilt. */
const RETRY_MS = 1_000;
/** Most own commits arrive sooner than this; a caller who waits for somebody else's commit pays it once. */
const PROBE_AFTER_MS = 10;
const PROBE_AGAIN_MS = 50;
/** Commits that change no row and may be read again after a crash. */
const UNSAVED_PROGRESS = 5_000;

/**
 * Keeps one read model up to date: follows the log from the checkpoint and writes rows and checkpoint in one transaction, so its effect is
 * exactly once, also when several replicas of a service run it side by side.
 *
 * States: starting -> following (from the checkpoint); following -> out of date (another log epoch, or a log that ends before the
 * checkpoint: nothing is written any more, `health` says so) -> following again once it was rebuilt, here or by another process.
 * starting -> rebuilding (rows of an older version of the projection: they answer while new ones are folded beside them, from where an earlier
 * process left it) -> following. starting -> out of date (rows of a newer version: this program must not touch them).
 */
export class ProjectionRunner {
  private readonly progress = new Progress();
  private current: Position = { epoch: '', sequence: 0 };
  /** What the checkpoint row said last. */
  private saved = 0;
  private isSaving = false;
  private wroteAt = Number.NEGATIVE_INFINITY;
  private trouble: string | undefined = 'not started';
  /** Since when `trouble` stands, if it is one that passes by itself, most often at once: a consumer that is made anew, a statement that is repeated. */
  private failingSince: number | undefined;
  private rebuilding: RebuildStand | undefined;
  private heldUpBy: string | undefined;
  private resumed: AbortController | undefined;
  private stop: AbortSignal | undefined;
  /** Has the log followed anew from where the checkpoint stands. */
  private moved: AbortController | undefined;
  private readonly crashes: CrashWatch;

  constructor(private readonly options: ProjectionRunnerOptions) {
    const { db, projection } = options;
    this.crashes = new CrashWatch({
      read: async () => (await readPosition(db.manager, projection.name))?.sequence ?? 0,
      left: () => this.saved,
      onLost: (sequence) => this.lostRows(sequence),
    });
  }

  /**
   * Runs until `signal` aborts and the batch in hand is committed. Errors are told to `onError` and retried; it never skips.
   */
  async start(signal: AbortSignal): Promise<void> {
    setMaxListeners(0, signal);
    this.stop = signal;
    this.crashes.start();
    try {
      await this.followOn(signal);
      // What it did not want would be read again at the next start, from the archive where it has left the log meanwhile.
      if (this.trouble === undefined && this.current.sequence > this.saved) await this.saveProgress();
    } finally {
      this.crashes.stop();
    }
  }

  private async followOn(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.follow(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof CheckpointMoved) continue;
        this.failingSince = undefined;
        this.trouble = error instanceof Error ? error.message : String(error);
        this.options.onError?.(error);
        await this.pause(RETRY_MS, signal);
      }
    }
  }

  /**
   * Waits until every commit of the projection's aggregates up to `sequence` is in its rows. Sequences of other aggregates may be asked
   * for, too (e.g. the log's head). No polling for own commits. Rows that gather for one transaction are written at once, unless whoever waits has time.
   * @returns false when that did not happen within `timeoutMs`, or will not because the projection is stopped
   */
  async waitFor(sequence: number, timeoutMs: number, hasTime = false): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    const { projection } = this.options;
    if (!(await this.crashes.isSure(timeoutMs))) return false;
    for (let probeAfterMs = PROBE_AFTER_MS; this.current.sequence < sequence; probeAfterMs = PROBE_AGAIN_MS) {
      const left = deadline - performance.now();
      if (left <= 0 || this.stop?.aborted === true) return false;
      // With one aggregate the server sends no other's commits, so the position may stay below `sequence` for good.
      const canStay = projection.aggregates.length === 1;
      await this.progress.reach(sequence, {
        timeoutMs: canStay ? Math.min(left, probeAfterMs) : left,
        hasTime,
        ...(this.stop ? { signal: this.stop } : {}),
      });
      if (!canStay || this.current.sequence >= sequence || this.trouble !== undefined) continue;
      if (await this.hasNothingUpTo(sequence)) this.moveTo(sequence);
    }
    return true;
  }

  /** No commit of ours lies between the position and `sequence`, and none can come there any more. */
  private async hasNothingUpTo(sequence: number): Promise<boolean> {
    const { log, projection } = this.options;
    const { epoch, sequence: from } = this.current;
    try {
      // In this order: what is appended between the two answers lies behind the head.
      const head = await log.head();
      if (head.epoch !== epoch || head.sequence < sequence) return false;
      const next = await log.nextSequence(projection.aggregates, from);
      return (next === undefined || next > sequence) && this.current.epoch === epoch;
    } catch {
      return false; // asked again, until the caller's time is over
    }
  }

  /** How far the rows are, and in which log. */
  position(): Position {
    return this.current;
  }

  /** Sequences of the log that may hold commits which are not in the rows yet; 0 when there is certainly none. For the lag metric. */
  async lag(): Promise<number> {
    const { sequence } = await this.options.log.head();
    if (this.current.sequence >= sequence) return 0;
    if (this.trouble === undefined && (await this.hasNothingUpTo(sequence))) this.moveTo(sequence);
    return Math.max(0, sequence - this.current.sequence);
  }

  health(): ProjectionHealth {
    const { projection } = this.options;
    const detail = this.isPassing() ? undefined : this.trouble;
    return {
      projection: projection.name,
      isHealthy: detail === undefined,
      detail,
      rebuilding: this.rebuilding,
      heldUpBy: this.heldUpBy,
      position: this.current,
    };
  }

  /**
   * Folds the whole log into tables beside the live ones, up to the live checkpoint. With `verify` it compares both and drops the
   * new ones; without, the new ones take the place of the live ones, which are read and written on until that moment.
   * @throws RebuildRefused the log knows less than the live rows (unless `force`)
   */
  async rebuild(options: RebuildOptions): Promise<RebuildReport> {
    const report = await this.foldBeside(options);
    if (report.swapped) this.resumed?.abort();
    return report;
  }

  private async foldBeside(options: RebuildOptions): Promise<RebuildReport> {
    const { db, projection, onStopped, onResolved, onError } = this.options;
    const before = await readStopped(db.manager, projection.name);
    // What was passed without a row for it (other aggregates', or left out) is not in the checkpoint yet, but will not come again.
    if (this.trouble === undefined) await advanceCheckpoint(db.manager, projection, this.current, this.saved);
    const report = await rebuildProjection(this.options, {
      ...options,
      onWait: (why) => onError?.(new LogUnavailable(why)),
    });
    if (!report.swapped) return report;
    const after = await readStopped(db.manager, projection.name);
    const standing = new Set(after.map(keyOf));
    for (const stop of after) onStopped?.(stop);
    for (const stop of before) if (!standing.has(keyOf(stop))) onResolved?.(stop);
    return report;
  }

  private async follow(signal: AbortSignal): Promise<void> {
    const { log, db, projection, maxBatch = DEFAULT_BATCH, onError } = this.options;
    const head = await log.head();
    const checkpoint = await readCheckpoint(db.manager, projection, head.epoch);
    this.current = { epoch: checkpoint.epoch, sequence: checkpoint.sequence };
    this.progress.moveTo(checkpoint.sequence);
    this.saved = checkpoint.sequence;
    for (const stop of await readStopped(db.manager, projection.name)) this.options.onStopped?.(stop);
    const moved = new AbortController();
    this.moved = moved;
    const { aggregates, wants } = projection;
    try {
      await this.checkLog(checkpoint, head);
      this.works();
      if (checkpoint.version !== projection.version) {
        this.rebuilding = { sequence: 0, of: head.sequence };
        await this.replaceOlder(signal);
        throw new CheckpointMoved();
      }
      this.rebuilding = undefined;
      this.heldUpBy = undefined;
      await log.subscribe(
        {
          from: checkpoint.sequence + 1,
          epoch: checkpoint.epoch,
          aggregates,
          ...(wants === undefined ? {} : { wants }),
          maxBatch,
          signal: AbortSignal.any([signal, moved.signal]),
          onProgress: (sequence) => this.movedOn(sequence),
          onError: (error) => {
            if (error instanceof CheckpointMoved) moved.abort();
            else this.report(error, onError);
          },
        },
        async (batch) => this.apply(batch),
      );
    } catch (error) {
      if (!(error instanceof LogReset)) throw error;
      throw new ProjectionOutOfDate(projection.name, error.message, { ...OTHER_LOG, cause: error });
    }
  }

  private async checkLog(checkpoint: VersionedPosition, head: Position): Promise<void> {
    const { name, version } = this.options.projection;
    if (checkpoint.version > version) {
      throw new ProjectionOutOfDate(
        name,
        `a newer release folded its rows (version ${checkpoint.version}, this one reads up to ${version}), so this one leaves them alone; start the newer one, or have them folded for this one`,
      );
    }
    const isOther = checkpoint.epoch !== head.epoch || checkpoint.sequence > head.sequence;
    if (isOther && this.options.mayStartOver?.() === true) {
      this.trouble = 'is folded anew, because its rows are not of this log';
      // An operator has accepted this log as it is.
      await this.rebuild({ verify: false, force: true });
      throw new CheckpointMoved();
    }
    if (checkpoint.epoch !== head.epoch) {
      throw new ProjectionOutOfDate(
        name,
        `it was folded from the log with epoch ${checkpoint.epoch}, but this log has epoch ${head.epoch}`,
        OTHER_LOG,
      );
    }
    if (checkpoint.sequence > head.sequence) {
      throw new ProjectionOutOfDate(
        name,
        `it was folded up to sequence ${checkpoint.sequence}, but the log ends at ${head.sequence}`,
        OTHER_LOG,
      );
    }
  }

  /** Until it is done here or by another process; what fails on the way is told, and tried again from where it stopped. */
  private async replaceOlder(signal: AbortSignal): Promise<void> {
    try {
      await this.foldBeside({
        verify: false,
        resume: true,
        signal,
        onProgress: (sequence, of) => {
          this.rebuilding = { sequence, of };
          this.heldUpBy = undefined;
        },
      });
    } catch (error) {
      if (signal.aborted) throw error;
      if (!(error instanceof RebuildInProgress)) this.holdUp(error);
      await this.pause(RETRY_MS, signal);
    }
  }

  /** Told once, however often the same stands in the way. */
  private holdUp(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (why !== this.heldUpBy) this.options.onError?.(error);
    this.heldUpBy = why;
  }

  /** Rows that are behind for a moment are no reason to take the whole process away from its users. */
  private isPassing(): boolean {
    const { passingMs = DEFAULT_PASSING_MS } = this.options;
    return this.failingSince !== undefined && performance.now() - this.failingSince < passingMs;
  }

  private report(error: unknown, onError: ((error: unknown) => void) | undefined): void {
    if (this.trouble === undefined) this.failingSince = performance.now();
    this.trouble = error instanceof Error ? error.message : String(error);
    onError?.(error);
  }

  private works(): void {
    if (this.trouble === undefined) return;
    this.trouble = undefined;
    this.failingSince = undefined;
    this.options.onWorking?.();
  }

  private async apply(batch: readonly RecordedCommit[]): Promise<void> {
    const { db, projection } = this.options;
    const { epoch } = this.current;
    await this.letMoreArrive(batch.length);
    const place = { epoch, from: this.saved };
    const { sequence, stopped } = await writeBatch(db, projection, place, batch).catch((error: unknown) => {
      if (error instanceof CheckpointMoved || !isFoldError(error)) throw error;
      return writeBatchCarefully(db, projection, place, batch);
    });
    for (const stop of stopped) this.options.onStopped?.(stop);
    this.wroteAt = performance.now();
    this.saved = sequence;
    this.works();
    this.crashes.written();
  }

  /** Has the log followed anew from where the rows stand. */
  private lostRows(sequence: number): void {
    this.current = { ...this.current, sequence };
    this.progress.moveTo(sequence);
    this.moved?.abort();
  }

  /** Under a steady trickle of commits the next batch gathers while this one waits; the first after a pause goes at once. */
  private async letMoreArrive(batchSize: number): Promise<void> {
    const { projection, maxBatch = DEFAULT_BATCH } = this.options;
    const { paceMs = DEFAULT_PACE_MS } = projection;
    const leftMs = this.wroteAt + paceMs - performance.now();
    const isTrickle = batchSize < maxBatch / 4;
    if (leftMs > 0 && isTrickle && this.progress.isIdle) await this.progress.arrival(leftMs);
  }

  private movedOn(sequence: number): void {
    this.works();
    this.moveTo(sequence);
  }

  private moveTo(sequence: number): void {
    // What the log still says of later ones is no matter of rows that are to be folded again.
    if (sequence <= this.current.sequence || this.moved?.signal.aborted === true) return;
    this.current = { ...this.current, sequence };
    this.progress.advance(sequence);
    if (sequence - this.saved > UNSAVED_PROGRESS && !this.isSaving) void this.saveProgress();
  }

  /** Only saves reading some commits again after a restart, so a failure does not matter. */
  private async saveProgress(): Promise<void> {
    this.isSaving = true;
    try {
      const position = this.current;
      await advanceCheckpoint(this.options.db.manager, this.options.projection, position, this.saved);
      this.saved = Math.max(this.saved, position.sequence);
    } catch (error) {
      this.options.onError?.(error);
    } finally {
      this.isSaving = false;
    }
  }

  private async pause(ms: number, signal: AbortSignal): Promise<void> {
    this.resumed = new AbortController();
    await delay(ms, AbortSignal.any([signal, this.resumed.signal]));
    this.resumed = undefined;
  }
}
