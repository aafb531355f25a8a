import { Unavailable } from '@fornax/base';
import { attemptKey, volumeKey, type ParkedAttempt, type PublishedPriceList } from '@fornax/domain';
import { readPosition } from '@fornax/projections';
import type { DataSource } from 'typeorm';
import { LEDGER_VERSION } from '../projections/ledger.projection.js';
import { readAllSpending } from '../projections/spending-rows.js';
import { SPENDING_VERSION } from '../projections/spending.projection.js';
import { readClosedMonths, readParked, readPriceLists, type ClosedMonth } from '../projections/ledger-state.js';
import type { KeptSpending } from './spending-audit.js';

/** Rows of the ledger that are no lines, of one moment. */
export interface KeptRows {
  /** The last commit that they are of. */
  readonly sequence: number;
  readonly lists: readonly PublishedPriceList[];
  readonly closed: readonly ClosedMonth[];
  /** What accounts used in months before discounts, by `volumeKey`. */
  readonly volumes: ReadonlyMap<string, bigint>;
  /** By `attemptKey`. */
  readonly parked: ReadonlyMap<string, ParkedAttempt>;
  /** How many tasks and pools it knows. */
  readonly terms: number;
  readonly spending: KeptSpending;
}

/** @throws Unavailable the ledger is folded anew */
export const readKeptRows = (db: DataSource): Promise<KeptRows> =>
  db.transaction('REPEATABLE READ', async (tx) => {
    const position = await readPosition(tx, 'ledger');
    if (position && position.version !== LEDGER_VERSION)
      throw new Unavailable('The ledger is catching up with the log', { code: 'ledger-behind' });
    const spent = await readPosition(tx, 'spending');
    if (spent && spent.version !== SPENDING_VERSION)
      throw new Unavailable('Credits and budgets are catching up with the log', { code: 'ledger-behind' });
    const volumes = await tx.query<{ owner: string; month: string; gross_parts: string }[]>(
      'SELECT owner, month, gross_parts FROM month_usage',
    );
    const [terms] = await tx.query<{ count: string }[]>('SELECT count(*) AS count FROM usage_terms');
    return {
      sequence: position?.sequence ?? 0,
      lists: await readPriceLists(tx),
      closed: await readClosedMonths(tx),
      volumes: new Map(volumes.map(({ owner, month, gross_parts }) => [volumeKey(owner, month), BigInt(gross_parts)])),
      parked: new Map((await readParked(tx)).map((one) => [attemptKey(one.terms.id, one.end), one])),
      terms: Number(terms?.count ?? 0),
      spending: { sequence: spent?.sequence ?? 0, ...(await readAllSpending(tx)) },
    };
  });
