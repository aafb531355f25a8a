import { Inject, Injectable } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { backoffMs, isOutage } from '@fornax/base';
import type { ObjectStore, Sql } from '@fornax/object-store';
import type { DataSource } from 'typeorm';
import { OBJECT_STORE } from '../config/tokens.js';
import { type Step, carryOut, expiryScope, stepsOf } from '../effects/object-effect.js';
import {
  type FailingEffects,
  HOPELESS,
  type OwedEffect,
  dropExpiries,
  failingEffects,
  noteFailure,
  owedEffects,
  takeOut,
} from '../effects/outbox.js';
import { forgetLostResults, noteLostResults } from '../effects/lost-results.js';
import { stagedFor } from '../effects/staged-for.js';
import { STAGING_BUCKET } from '../model/bucket-names.js';

/** Most effects of one transaction, or between two looks at the list. */
const BATCH = 200;
/** So many that fail one after the other, each by itself, are the store's trouble and not their own. */
const MANY = 3;
/** How long the scope of a failed effect is left alone. */
const LEFT_ALONE = { firstMs: 200, longestMs: 30_000 } as const;
/** One process at a time carries out effects. */
const LOCK = `hashtextextended('fornax object effects ' || current_schema(), 0)`;

export interface DrainTellers {
  /** Something was carried out. */
  readonly done: () => void;
  readonly failed: (effect: OwedEffect, error: unknown) => void;
}

/** How a drain ended; rejected when the store, or the database, is in trouble. */
export interface Drained {
  /** Another process is at it. */
  readonly isElsewhere?: true;
  /** When a scope that was left alone is due, in milliseconds. */
  readonly againInMs?: number;
}

/**
 * Carries out the effects that are owed to the object store, oldest first, one process at a time. With the local store an effect and its row in the
 * outbox are one transaction: it happens once. With an S3 service the row is taken out afterwards: an effect may be repeated, which is safe, because a
 * bucket is served to nobody while a row of it is there.
 *
 * When several fail together, each is tried by itself. One that fails alone is left alone for a while, with everything behind it of the same bucket or
 * task; the others go on.
 */
@Injectable()
export class EffectDrain {
  /** By scope, by the monotonic clock. */
  readonly #leftAlone = new Map<string, number>();
  /** The store was in trouble when the last run ended. */
  #isInTrouble = false;

  constructor(
    @Inject(getDataSourceToken('storage')) private readonly db: DataSource,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  /** Ends when nothing is left that can be done now, or after the effect in hand when the signal aborts. */
  async run(signal: AbortSignal, tellers: DrainTellers): Promise<Drained> {
    const lock = this.db.createQueryRunner();
    try {
      const [row] = (await lock.query(`SELECT pg_try_advisory_lock(${LOCK}) AS is_mine`)) as { is_mine: boolean }[];
      if (row?.is_mine !== true) return { isElsewhere: true };
      try {
        return await this.#drain(signal, tellers);
      } catch (error) {
        this.#isInTrouble = true;
        throw error;
      } finally {
        await lock.query(`SELECT pg_advisory_unlock(${LOCK})`);
      }
    } finally {
      await lock.release();
    }
  }

  /** What failed again and again. */
  failing(): Promise<FailingEffects | undefined> {
    return failingEffects(this.db);
  }

  async #drain(signal: AbortSignal, tellers: DrainTellers): Promise<Drained> {
    let [alone, failed] = [0, 0];
    while (!signal.aborted) {
      const leftAlone = this.#leftAloneNow();
      const owed = await owedEffects(this.db, alone > 0 ? 1 : BATCH, leftAlone);
      if (owed.length === 0) {
        this.#forgetAllBut(leftAlone);
        break;
      }
      try {
        await this.#carryOut(owed);
        failed = 0;
        for (const { scope } of owed) this.#leftAlone.delete(scope);
        // What was left alone because of that need not wait any more.
        if (this.#isInTrouble) this.#leftAlone.clear();
        this.#isInTrouble = false;
        tellers.done();
      } catch (error) {
        const [effect, ...more] = owed;
        if (effect === undefined || signal.aborted) break;
        if (isOutage(error)) throw error;
        if (more.length > 0) {
          alone = owed.length + 1;
        } else {
          await this.#leaveAlone(effect, error);
          tellers.failed(effect, error);
          // What has failed for long by itself says nothing about the store.
          if (effect.failures < HOPELESS) failed += 1;
          if (failed >= MANY) throw error;
        }
      }
      alone = Math.max(0, alone - 1);
    }
    return this.#drained();
  }

  #leftAloneNow(): readonly string[] {
    const now = performance.now();
    return [...this.#leftAlone].flatMap(([scope, until]) => (until > now ? [scope] : []));
  }

  /** Nothing is owed to the other scopes: what was is given up, or another process has done it. A look at them would be due for ever. */
  #forgetAllBut(scopes: readonly string[]): void {
    for (const scope of this.#leftAlone.keys()) if (!scopes.includes(scope)) this.#leftAlone.delete(scope);
  }

  async #leaveAlone(effect: OwedEffect, error: unknown): Promise<void> {
    this.#leftAlone.set(effect.scope, performance.now() + backoffMs(effect.failures + 1, LEFT_ALONE));
    await noteFailure(this.db, effect, error instanceof Error ? error.message : String(error));
  }

  #drained(): Drained {
    if (this.#leftAlone.size === 0) return {};
    return { againInMs: Math.max(0, Math.min(...this.#leftAlone.values()) - performance.now()) };
  }

  async #carryOut(owed: readonly OwedEffect[]): Promise<void> {
    if (this.store.joinsTransactions) {
      await this.db.transaction(async (tx) => {
        // Lost together with the rows, if at all: nothing of it is told to anybody before something later is on disk.
        await tx.query(`SELECT set_config('synchronous_commit', 'off', true)`);
        for (const step of stepsOf(await takeOut(tx, owed))) await this.#step(step, tx);
      });
      return;
    }
    for (const step of stepsOf(owed)) {
      await this.#step(step, this.db);
      await takeOut(this.db, step.of);
    }
  }

  async #step(step: Step<OwedEffect>, sql: Sql): Promise<void> {
    const renewed = [...step.deleted, ...step.created];
    if (renewed.length > 0) {
      await dropExpiries(sql, renewed.map(expiryScope), step.of.at(-1)?.id ?? '0');
      // Results that are not published yet would come to lie in the next bucket of that name, also those that came when there was none.
      const staged = await stagedFor(this.store, renewed);
      if (staged.length > 0) {
        await noteLostResults(sql, staged);
        await this.store.deletePrefixes(STAGING_BUCKET, staged, sql);
      }
    }
    await carryOut(this.store, step, sql);
    const ended = [...step.published, ...step.dropped];
    if (ended.length > 0) await forgetLostResults(sql, ended);
  }
}
