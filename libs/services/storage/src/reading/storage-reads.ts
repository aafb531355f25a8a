import { Inject, Injectable } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { EventLog } from '@fornax/event-store';
import { ReadBarrier, SharedHead } from '@fornax/projections';
import { CORE_CONFIG, EVENT_LOG, ReadBarriers, type CoreConfig } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { EffectBell } from '../effects/effect-bell.js';
import { isOwedUpTo } from '../effects/outbox.js';
import { BUCKETS_PROJECTION } from '../projections/buckets.projection.js';
import { TASK_OWNERS_PROJECTION } from '../projections/task-owners.projection.js';

/** Another process may carry the effects out, and wakes nobody here. */
const LOOK_MS = 50;

/**
 * When reads of this service show what was committed: first the rows do, a moment later the objects. Who only asks whose a bucket is waits for rows, so
 * that a slow store keeps nobody from submitting; who reads objects waits for both. All waits are bounded by FORNAX_READ_YOUR_WRITES_TIMEOUT_MS.
 */
@Injectable()
export class StorageReads {
  readonly #rows: ReadBarrier;
  readonly #taskOwners: ReadBarrier;
  readonly #objects: ReadBarrier;

  constructor(
    @Inject(EVENT_LOG) log: EventLog,
    barriers: ReadBarriers,
    @Inject(CORE_CONFIG) { readYourWritesTimeoutMs: timeoutMs }: CoreConfig,
    @Inject(getDataSourceToken('storage')) private readonly db: DataSource,
    private readonly bell: EffectBell,
  ) {
    this.#rows = barriers.of(BUCKETS_PROJECTION);
    this.#taskOwners = barriers.of(TASK_OWNERS_PROJECTION);
    this.#objects = new ReadBarrier({ head: new SharedHead(log), reach: this.#reach.bind(this), timeoutMs });
  }

  /** Waits for the rows of a commit. @returns false when it took longer */
  waitForRows(sequence: number): Promise<boolean> {
    return this.#rows.passed(sequence);
  }

  /** Waits for the rows of a commit and for its effects on objects. One that fails again and again is not waited for. @returns false when it took longer */
  waitFor(sequence: number): Promise<boolean> {
    return this.#objects.passed(sequence);
  }

  async #reach(sequence: number, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    if (!(await this.#rows.passed(sequence, timeoutMs))) return false;
    while (await isOwedUpTo(this.db, sequence)) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      this.bell.ring();
      await this.bell.done.next({ timeoutMs: Math.min(leftMs, LOOK_MS) });
    }
    return true;
  }

  /** Waits for the rows of everything that is in the log now. */
  catchUpRows(): Promise<void> {
    return orAsItIs(this.#rows);
  }

  /** Waits for the rows of all tasks that are in the log now. */
  catchUpTaskOwners(): Promise<void> {
    return orAsItIs(this.#taskOwners);
  }

  /** Waits for everything that is in the log now, rows and objects. */
  catchUp(): Promise<void> {
    return orAsItIs(this.#objects);
  }
}

/** Never rejects: when the log cannot be asked, or the rows are late, the reader sees what there is. */
const orAsItIs = (barrier: ReadBarrier): Promise<void> =>
  barrier.caughtUp().then(
    () => undefined,
    () => undefined,
  );
