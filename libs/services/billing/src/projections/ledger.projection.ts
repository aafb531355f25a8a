import { Injectable } from '@nestjs/common';
import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import type { Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';
import { endsIn, lineOf, priceListsIn, termsIn } from './ledger-line.js';
import {
  addConsumption,
  insertLines,
  insertPriceLists,
  insertTerms,
  readPriceLists,
  readTerms,
} from './ledger-rows.js';

/** The bill: one line for each attempt that ended, rated by the price list in force at that place in the log. */
@Injectable()
export class LedgerProjection implements Projection {
  readonly name = 'ledger';
  readonly version = 1;
  readonly aggregates: readonly Aggregate[] = ['task', 'pricing'];
  readonly wants = withEvents('TaskSubmitted', 'PriceListPublished', 'InstancesConcluded', 'InstancesRequeued');
  readonly paceMs = 250;
  readonly tables = ['task_terms', 'price_list', 'ledger_line', 'consumption'];

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    await insertTerms(tx, termsIn(batch));
    await insertPriceLists(tx, priceListsIn(batch));
    const ends = endsIn(batch);
    if (ends.length === 0) return;
    const termsById = await readTerms(tx, [...new Set(ends.map(({ taskId }) => taskId))]);
    const published = await readPriceLists(tx);
    const lines = ends.map((end) => lineOf(end, termsById, published));
    await insertLines(tx, lines);
    await addConsumption(tx, lines);
  }
}
