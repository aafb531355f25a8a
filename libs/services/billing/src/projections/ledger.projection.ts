import { Injectable } from '@nestjs/common';
import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import { attemptKey, foldBill, foldMeters, meterKey, type MeteredUse } from '@fornax/domain';
import { withEvents } from '@fornax/event-store';
import type { Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';
import { addUsage, deleteRated, insertLines, insertParked, insertPriceLists, insertTerms } from './ledger-rows.js';
import { correctLines, insertClosed } from './correction-rows.js';
import { deleteRatedMeters, insertMeterLines, insertUnratedMeters, readUnratedMeters } from './meter-rows.js';
import { addToSums } from './usage-rows.js';
import { readBillState } from './ledger-state.js';

/** 10: days of tasks know their nodes. 9: meters of storage. 8: when lines count, corrections and closed months. 7: what is used by each task on each day. 6: the order in which lines were rated. 5: what is used in each hour, tags and labels. 4: what projects use on each day. 3: where a frequency is not known, prices are those of the start of the attempt. 2: amounts in nano-units, pools, attempts that have no price. */
export const LEDGER_VERSION = 10;

/** The bill: one line for each attempt that ended and each slot that was held, rated by the price list that held when it started. */
@Injectable()
export class LedgerProjection implements Projection {
  readonly name = 'ledger';
  readonly version = LEDGER_VERSION;
  readonly aggregates: readonly Aggregate[] = ['task', 'pool', 'pricing', 'meter'];
  readonly wants = withEvents(
    'TaskSubmitted',
    'PoolCreated',
    'PriceListPublished',
    'InstancesConcluded',
    'InstancesRequeued',
    'SlotsEnded',
    'LinesCorrected',
    'MonthClosed',
    'StorageMetered',
  );
  readonly paceMs = 250;
  readonly tables = [
    'usage_terms',
    'published_price_list',
    'bill_line',
    'month_usage',
    'project_day',
    'usage_hour',
    'usage_task_node_day',
    'unrated_attempt',
    'closed_month',
    'meter_line',
    'unrated_meter',
  ];

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const state = await readBillState(tx, batch);
    const isParked = new Set(state.parked.keys());
    const isPriced = batch.some(({ events }) => events.some(({ type }) => type === 'PriceListPublished'));
    const unratedMeters = isPriced ? await readUnratedMeters(tx) : new Map<string, MeteredUse>();
    const isWaiting = new Set(unratedMeters.keys());
    const folded = batch.map((commit) => {
      const entries = foldBill(state, commit);
      return { entries, meters: foldMeters(state, unratedMeters, commit) };
    });
    const entries = folded.map((each) => each.entries);
    await insertTerms(
      tx,
      entries.flatMap(({ terms }) => terms),
    );
    await insertPriceLists(
      tx,
      entries.flatMap(({ lists }) => lists),
    );
    const lines = entries.flatMap((entry) => entry.lines);
    await insertLines(tx, lines);
    await addUsage(tx, lines);
    await addToSums(tx, lines);
    const rated = lines.filter(({ terms, end }) => isParked.has(attemptKey(terms.id, end)));
    if (rated.length > 0) await deleteRated(tx, rated);
    const parked = entries.flatMap((entry) => entry.parked);
    // What was parked and priced in one batch was never without a price for anybody.
    await insertParked(
      tx,
      parked.filter(({ terms, end }) => state.parked.has(attemptKey(terms.id, end))),
    );
    const meters = folded.flatMap((each) => each.meters.lines);
    await insertMeterLines(tx, meters);
    await deleteRatedMeters(
      tx,
      meters.filter((line) => isWaiting.has(meterKey(line))),
    );
    await insertUnratedMeters(
      tx,
      folded.flatMap((each) => each.meters.parked).filter((use) => unratedMeters.has(meterKey(use))),
    );
    // What they correct may be of the same batch.
    for (const [index, { corrections, closed }] of entries.entries()) {
      for (const booked of corrections) await correctLines(tx, booked);
      for (const month of closed) await insertClosed(tx, month, batch[index]?.sequence ?? 0);
    }
  }
}
