import { Injectable } from '@nestjs/common';
import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import type { SpendingEvent } from '@fornax/domain';
import type { Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';
import { evolved, readSpending, upsertSpending, type SpendingRow } from './spending-rows.js';

/** Credits of accounts and budgets of projects: the stored folds of their deciders. */
@Injectable()
export class SpendingProjection implements Projection {
  readonly name = 'spending';
  readonly version = 1;
  readonly aggregates: readonly Aggregate[] = ['spending'];
  readonly paceMs = 50;
  readonly tables = ['spending'];

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const known = await readSpending(tx, [...new Set(batch.map(({ aggregateId }) => aggregateId))]);
    const rows = new Map<string, SpendingRow>(known.map((row) => [row.spendingId, row]));
    for (const { aggregateId, events } of batch)
      // The aggregate's name in the subject is what makes these events of spending.
      for (const event of events as readonly SpendingEvent[])
        rows.set(aggregateId, evolved(rows.get(aggregateId), aggregateId, event));
    if (rows.size > 0) await upsertSpending(tx, [...rows.values()]);
  }
}
