import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Unavailable } from '@fornax/base';
import type { StatementDimension } from '@fornax/contracts';
import { readPosition } from '@fornax/projections';
import type { DataSource } from 'typeorm';
import { openCursor } from './cursor.js';
import { LedgerReader } from './ledger-reader.js';
import { readPriceLists, type Queries } from '../projections/ledger-state.js';
import { allSql, pageSql, type StatementScope, type StatementSqlRow, type SummedRow } from './statement-sql.js';

/** Groups of a statement that are read at once. */
const ROWS_AT_ONCE = 1_000;
/** Statements that are streamed at the same time: each holds a connection to the database for as long as somebody reads it. */
const MOST_STREAMS = 2;

/** One group. */
export interface StatementGroup extends SummedRow {
  readonly keys: readonly (string | null)[];
  /** Micro-units, rounded such that groups sum to their total. */
  readonly units: string;
}
export interface Statement {
  readonly through: number;
  readonly currency: string;
  readonly count: number;
  readonly groups: readonly StatementGroup[];
  readonly total: SummedRow;
  readonly unrated: number;
}

const UNRATED = `SELECT count(*) AS count FROM unrated_attempt attempt JOIN usage_terms terms USING (task_id)
  WHERE ($1::text[] IS NULL OR attempt.owner = ANY($1::text[])) AND ($4::text IS NULL OR coalesce(terms.project_uuid, terms.owner) = $4)
  AND coalesce((attempt_end ->> 'startedAt')::numeric, (attempt_end ->> 'endedAt')::numeric) >= $2::numeric
  AND coalesce((attempt_end ->> 'startedAt')::numeric, (attempt_end ->> 'endedAt')::numeric) < $3::numeric`;

const groupOf = (row: StatementSqlRow, dimensions: number): StatementGroup => ({
  ...row,
  keys: Array.from({ length: dimensions }, (_, index) => row[`k${index}`] ?? null),
  units: row.units ?? '0',
});

/** Answers what was used in a period, and what that costs. */
@Injectable()
export class StatementReader {
  private streams = 0;

  constructor(
    @InjectDataSource('billing') private readonly db: DataSource,
    private readonly ledger: LedgerReader,
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
      };
    });
  }

  /**
   * All groups, as they are taken, of one moment.
   * @throws Unavailable the ledger was behind, or others read statements
   */
  async *stream(
    dimensions: readonly StatementDimension[],
    scope: StatementScope,
    signal: AbortSignal,
  ): AsyncGenerator<readonly StatementGroup[]> {
    await this.ledger.catchUp();
    if (this.streams >= MOST_STREAMS)
      throw new Unavailable('Other statements are being read: ask again in a moment', { code: 'statements-busy' });
    this.streams += 1;
    const runner = this.db.createQueryRunner();
    try {
      await runner.startTransaction('REPEATABLE READ');
      const next = await openCursor<StatementSqlRow>(runner, allSql(dimensions, scope), ROWS_AT_ONCE);
      for (;;) {
        const rows = await next();
        if (rows.length === 0 || signal.aborted) return;
        yield rows.map((row) => groupOf(row, dimensions.length));
      }
    } finally {
      this.streams -= 1;
      await runner.rollbackTransaction().finally(() => runner.release());
    }
  }

  private async about(tx: Queries, { owners, project, from, to }: StatementScope) {
    const [parked] = await tx.query<{ count: string }[]>(UNRATED, [owners ?? null, from, to, project ?? null]);
    const currency = (await readPriceLists(tx)).at(-1)?.priceList.currency ?? 'EUR';
    const through = (await readPosition(tx, 'ledger'))?.sequence ?? 0;
    return { through, currency, unrated: Number(parked?.count ?? 0) };
  }

  private async countOf(tx: Queries, dimensions: readonly StatementDimension[], scope: StatementScope) {
    const { text, values } = pageSql(dimensions, scope, { offset: 0, limit: 1 });
    const [first] = await tx.query<StatementSqlRow[]>(text, [...values]);
    return first?.count ?? '0';
  }
}
