import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Unavailable, ValidationFailed } from '@fornax/base';
import type { StatementDimension, WireMeterTotal } from '@fornax/contracts';
import { readPosition } from '@fornax/projections';
import type { DataSource } from 'typeorm';
import { openCursor } from './cursor.js';
import { MeterReader } from './meter-reader.js';
import { LedgerReader } from './ledger-reader.js';
import { readClosedMonths, readPriceLists, type Queries } from '../projections/ledger-state.js';
import { countUnrated } from './unrated-attempts.js';
import {
  allSql,
  pageSql,
  type SqlDimension,
  type StatementScope,
  type StatementSqlRow,
  type SummedRow,
} from './statement-sql.js';

/** Groups of a statement that are read at once. */
const ROWS_AT_ONCE = 1_000;
/** Statements that are streamed at the same time, each for another account: nobody keeps all others from theirs by not reading on. Each holds a connection to the database for as long as somebody reads it. */
const MOST_STREAMS = 2;

/** What is said of a whole statement. */
export interface StatementFacts {
  /** The last commit that it is of. */
  readonly through: number;
  /** Epoch of the log. */
  readonly log: string;
  /** Whether all months of it are closed. */
  readonly isFinal: boolean;
  readonly currency: string;
  readonly unrated: number;
}

/** One group. */
export interface StatementGroup extends SummedRow {
  readonly keys: readonly (string | null)[];
  /** Micro-units, rounded such that groups sum to their total. */
  readonly units: string;
}
export interface Statement extends StatementFacts {
  readonly count: number;
  readonly groups: readonly StatementGroup[];
  readonly total: SummedRow;
  /** What buckets used, beside it. */
  readonly meters: readonly WireMeterTotal[];
}

const groupOf = (row: StatementSqlRow, dimensions: number): StatementGroup => ({
  ...row,
  keys: Array.from({ length: dimensions }, (_, index) => row[`k${index}`] ?? null),
  units: row.units ?? '0',
});

/** Answers what was used in a period, and what that costs. */
@Injectable()
export class StatementReader {
  /** Accounts that read one. */
  private readonly readers = new Set<string>();

  constructor(
    @InjectDataSource('billing') private readonly db: DataSource,
    private readonly ledger: LedgerReader,
    private readonly meters: MeterReader,
  ) {}

  /** A page of groups, all of one moment. @throws Unavailable the ledger was behind */
  async read(
    dimensions: readonly StatementDimension[],
    scope: StatementScope,
    page: { readonly offset: number; readonly limit: number },
  ): Promise<Statement> {
    await this.ledger.catchUp();
    const { text, values } = pageSql(dimensions, scope, page);
    return this.db.transaction('REPEATABLE READ', async (tx) => {
      const rows = await tx.query<StatementSqlRow[]>(text, [...values]);
      const [first] = rows;
      if (!first) throw new Error('a statement has a total');
      return {
        ...(await this.about(tx, scope)),
        count: Number(first.count ?? (page.offset === 0 ? 0 : await this.countOf(tx, dimensions, scope))),
        groups: first.count === null ? [] : rows.map((row) => groupOf(row, dimensions.length)),
        total: first.total,
        meters: await this.meters.totals(scope, tx),
      };
    });
  }

  /**
   * All groups, as they are taken, of one moment.
   * @param told what is said of all of them, before the first
   * @param reader the account that reads it
   * @throws Unavailable the ledger was behind, or the account or others read statements
   */
  async *stream(
    dimensions: readonly SqlDimension[],
    { reader, ...scope }: StatementScope & { readonly reader: string },
    signal: AbortSignal,
    told: (facts: StatementFacts) => void,
  ): AsyncGenerator<readonly StatementGroup[]> {
    await this.ledger.catchUp();
    if (this.readers.has(reader))
      throw new Unavailable('Another statement of this account is being read: ask again in a moment', {
        code: 'statements-busy',
      });
    if (this.readers.size >= MOST_STREAMS)
      throw new Unavailable('Other statements are being read: ask again in a moment', { code: 'statements-busy' });
    this.readers.add(reader);
    const runner = this.db.createQueryRunner();
    let last: readonly StatementGroup[] = [];
    try {
      await runner.startTransaction('REPEATABLE READ');
      told(await this.about(runner.manager, scope));
      const next = await openCursor<StatementSqlRow>(runner, allSql(dimensions, scope), ROWS_AT_ONCE);
      for (;;) {
        const rows = await next();
        if (signal.aborted) return;
        const groups = rows.map((row) => groupOf(row, dimensions.length));
        // Nothing follows: whoever takes their time with these holds nothing.
        if (groups.length < ROWS_AT_ONCE) {
          last = groups;
          break;
        }
        yield groups;
      }
    } finally {
      this.readers.delete(reader);
      await runner.rollbackTransaction().finally(() => runner.release());
    }
    if (last.length > 0) yield last;
  }

  /** @throws ValidationFailed it is to be as of a commit that is not there */
  private async about(tx: Queries, scope: StatementScope): Promise<StatementFacts> {
    const unrated = await countUnrated(tx, scope);
    const currency = (await readPriceLists(tx)).at(-1)?.priceList.currency ?? 'EUR';
    const position = await readPosition(tx, 'ledger');
    const last = position?.sequence ?? 0;
    if (scope.through !== undefined && scope.through > last)
      throw new ValidationFailed({ through: [`The last commit of the log is ${last}.`] });
    const through = scope.through ?? last;
    // The newest is first: the last of these closed it.
    const closing = (await readClosedMonths(tx)).findLast(({ until }) => until >= scope.to)?.sequence;
    const isFinal = closing !== undefined && closing <= through;
    return { through: isFinal ? closing : through, log: position?.epoch ?? '', isFinal, currency, unrated };
  }

  private async countOf(tx: Queries, dimensions: readonly StatementDimension[], scope: StatementScope) {
    const { text, values } = pageSql(dimensions, scope, { offset: 0, limit: 1 });
    const [first] = await tx.query<StatementSqlRow[]>(text, [...values]);
    return first?.count ?? '0';
  }
}
