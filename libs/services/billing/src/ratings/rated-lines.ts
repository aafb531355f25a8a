import type { PriceList, PublishedPriceList } from '@fornax/domain';
import type { QueryRunner } from 'typeorm';
import { openCursor } from '../queries/cursor.js';
import type { Queries } from '../projections/ledger-state.js';
import { chargedBefore, linesSql, type Period } from './rating-rows.js';
import { monthAround, needsEarlier, needsMonths, Rerating, type RatedLine, type Rerated } from './rerating.js';

/** Lines that are rated at once. */
const LINES_AT_ONCE = 5_000;

/** What is rated again: lines of a period that were rated up to a commit, by a list, or each by its own. */
export interface RatedPeriod extends Period {
  readonly through: number;
  readonly list: PriceList | undefined;
  /** Those that were published up to that commit. */
  readonly lists: readonly PublishedPriceList[];
}

/** Rates a period again, batch after batch, always the same way. @param runner a connection in a transaction @param db another one, for what lines depend on */
export async function* rateAgain(runner: QueryRunner, db: Queries, period: RatedPeriod): AsyncGenerator<Rerated> {
  const { from, to, through, list, lists } = period;
  const all = [...lists.map(({ priceList }) => priceList), ...(list ? [list] : [])];
  const time: Period = needsMonths(all)
    ? { from: monthAround(from).from, to: monthAround(Math.max(from, to - 1)).to }
    : { from, to };
  const rerating = new Rerating({ from, to, list }, lists);
  const next = await openCursor<RatedLine>(runner, linesSql(time, through), LINES_AT_ONCE);
  for (let rows = await next(); rows.length > 0; rows = await next()) {
    if (needsEarlier(all))
      for (const { taskId, instance, amount } of await chargedBefore(db, rows, time, through))
        rerating.charge(taskId, instance, amount);
    yield rerating.next(rows);
  }
}
