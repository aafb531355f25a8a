import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { newId } from '@fornax/base';
import { CommandRejected } from '@fornax/event-store';
import type { ObjectStore } from '@fornax/object-store';
import { LOGGER } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { ExpiryRules, type DueRule } from '../buckets/expiry-rules.js';
import { OBJECT_STORE, type ServiceLogger } from '../config/tokens.js';
import { StorageReads } from '../reading/storage-reads.js';

/** Objects of one event. */
const BATCH = 1_000;
const FIRST_MS = 5_000;
/** Objects that are stored all the time are over all the time: what comes to be within that is one look. */
const LEAST_MS = 10_000;
/** A clock that is set, or another process that sets a rule, is noticed by then. */
const MOST_MS = 600_000;
/** One process at a time: two would find the same objects. */
const LOCK = `hashtextextended('fornax object expiry ' || current_schema(), 0)`;

/**
 * Deletes what expiry rules say is over. A batch is found, its range and instant become one event, and the event is carried out by the outbox as every
 * effect on objects is: a process that dies in between deletes nothing that no event tells of, and a repetition nothing that was stored since. It sleeps
 * until the oldest object that is left is due.
 */
@Injectable()
export class ObjectExpiry implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  /** By the monotonic clock. */
  #looksAt = Infinity;
  #working: Promise<void> = Promise.resolve();

  constructor(
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
    @Inject(getDataSourceToken('storage')) private readonly db: DataSource,
    private readonly rules: ExpiryRules,
    private readonly reads: StorageReads,
    @Inject(LOGGER) private readonly logger: ServiceLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.#lookIn(FIRST_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#working;
  }

  /** A rule has changed. */
  wake(): void {
    this.#lookIn(0);
  }

  #lookIn(ms: number): void {
    const at = performance.now() + ms;
    if (this.#stop.signal.aborted || at >= this.#looksAt) return;
    clearTimeout(this.#timer);
    this.#looksAt = at;
    this.#timer = setTimeout(() => {
      this.#looksAt = Infinity;
      this.#working = this.#working.then(async () => {
        const nextMs = await this.look().catch((error: unknown) => {
          if (!this.#stop.signal.aborted) this.logger.warn({ err: error }, 'expiry rules are applied later');
          return LEAST_MS;
        });
        this.#lookIn(nextMs);
      });
    }, ms);
    this.#timer.unref();
  }

  /** Applies all rules once. @returns when to look again, in milliseconds */
  async look(): Promise<number> {
    const lock = this.db.createQueryRunner();
    try {
      const [row] = (await lock.query(`SELECT pg_try_advisory_lock(${LOCK}) AS is_mine`)) as { is_mine: boolean }[];
      if (row?.is_mine !== true) return LEAST_MS;
      try {
        let nextMs = MOST_MS;
        for (const rule of await this.rules.due()) {
          if (this.#stop.signal.aborted) break;
          nextMs = Math.min(nextMs, await this.#apply(rule));
        }
        return Math.max(LEAST_MS, nextMs);
      } finally {
        await lock.query(`SELECT pg_advisory_unlock(${LOCK})`);
      }
    } finally {
      await lock.release();
    }
  }

  async #apply({ bucket, owner, prefix, afterSeconds }: DueRule): Promise<number> {
    let after: string | undefined;
    while (!this.#stop.signal.aborted) {
      const before = this.rules.now() - afterSeconds * 1_000;
      const old = { prefix, before: new Date(before), ...(after === undefined ? {} : { after }) };
      const { through, nextAt, hasMore, objects, bytes, names } = await this.store.findOld(bucket, old, BATCH);
      if (through !== undefined) {
        const command = { type: 'ExpireBucketObjects', owner, prefix, before, after: after ?? null, through } as const;
        if (!(await this.#expire(bucket, { ...command, objects, bytes, names }))) return LEAST_MS;
      }
      if (!hasMore)
        return nextAt === undefined ? afterSeconds * 1_000 : nextAt.getTime() + afterSeconds * 1_000 - this.rules.now();
      after = through;
    }
    return LEAST_MS;
  }

  /** @returns false when the rule is not in force any more, or what it ended is not gone yet */
  async #expire(bucket: string, command: Parameters<ExpiryRules['decide']>[1]): Promise<boolean> {
    const meta = {
      actor: 'service:storage',
      onBehalfOf: `user:${command.owner}`,
      source: 'storage',
      correlationId: newId(),
    } as const;
    try {
      const { sequence, hasChanged } = await this.rules.decide(bucket, command, meta);
      return hasChanged && (await this.reads.waitFor(sequence));
    } catch (error) {
      if (error instanceof CommandRejected) return false;
      throw error;
    }
  }
}
