import { Injectable } from '@nestjs/common';
import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import type { SpendingEvent } from '@fornax/domain';
import type { Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';
import {
  folded,
  insertEntries,
  readSpending,
  upsertSpending,
  type BookedEntry,
  type SpendingRow,
} from './spending-rows.js';

/** 2: entries of credits in rows of their own. */
export const SPENDING_VERSION = 2;

/** Credits of accounts and budgets of projects: the stored folds of their deciders, and the entries of credits beside them. */
@Injectable()
export class SpendingProjection implements Projection {
  readonly name = 'spending';
  readonly version = SPENDING_VERSION;
  readonly aggregates: readonly Aggregate[] = ['spending'];
  readonly paceMs = 50;
  readonly tables = ['spending', 'credit_entry'];

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const known = await readSpending(tx, [...new Set(batch.map(({ aggregateId }) => aggregateId))]);
    const rows = new Map<string, SpendingRow>(known.map((row) => [row.spendingId, row]));
    const booked: BookedEntry[] = [];
    for (const { aggregateId: spendingId, sequence, events } of batch) {
      // The aggregate's name in the subject is what makes these events of spending.
      const after = folded(rows.get(spendingId), spendingId, events as readonly SpendingEvent[]);
      if (after.row) rows.set(spendingId, after.row);
      booked.push(...after.booked.map((entry) => ({ ...entry, spendingId, sequence })));
    }
    await insertEntries(tx, booked);
    if (rows.size > 0) await upsertSpending(tx, [...rows.values()]);
  }
}
