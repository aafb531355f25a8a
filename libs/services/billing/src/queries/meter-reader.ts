import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { MeterDimension, WireMeterRow, WireMeters, WireMeterTotal } from '@fornax/contracts';
import { METERS, PARTS_PER_MICRO, PARTS_PER_NANO, rounded, type Meter } from '@fornax/domain';
import { readPosition } from '@fornax/projections';
import type { DataSource } from 'typeorm';
import { readPriceLists, type Queries } from '../projections/ledger-state.js';
import { LedgerReader } from './ledger-reader.js';
import type { StatementScope } from './statement-sql.js';
import { decimalText, splitTexts, type NamesOf } from './wire-statement.js';

const COLUMNS = { project: 'project', user: 'owner', bucket: 'bucket' } as const satisfies Record<
  MeterDimension,
  string
>;
/** Bytes in a GB times seconds in an hour, and bytes in a GB, both for a millionth. */
const PER_MILLIONTH = { storage: 3_600_000n, egress: 1_000n } as const satisfies Record<Meter, bigint>;

const WHERE = `($1::text[] IS NULL OR owner = ANY($1::text[])) AND ($2::text IS NULL OR project = $2)`;
const IN_PERIOD = `counts_at >= $3::timestamptz AND counts_at < $4::timestamptz AND ($5::bigint IS NULL OR rated_sequence <= $5)`;
const SUMS = `sum(quantity)::text AS quantity, (sum(amount_nanos) * ${PARTS_PER_NANO} + sum(amount_rest))::text AS parts`;

interface SumRow {
  readonly [key: `k${number}`]: string;
  readonly meter: Meter;
  readonly quantity: string;
  readonly parts: string;
}
/** A group, and how many there are. */
type GroupRow = SumRow & { readonly count: string };

const valuesOf = ({ owners, project, from, to, through }: StatementScope): readonly unknown[] => [
  ...[owners ?? null, project ?? null],
  ...[new Date(from).toISOString(), new Date(to).toISOString(), through ?? null],
];

const sumsOf = ({ meter, quantity, parts }: SumRow): WireMeterTotal => ({
  meter,
  quantity,
  gb: decimalText(rounded(BigInt(quantity), PER_MILLIONTH[meter]), 6),
  amount: decimalText(rounded(BigInt(parts), PARTS_PER_MICRO), 6),
  ...splitTexts(BigInt(parts)),
});

/** Both meters, each in one row of sums; of one that nothing used, zeros. */
const bothOf = (rows: readonly SumRow[]): readonly WireMeterTotal[] =>
  METERS.map((meter) => sumsOf(rows.find((row) => row.meter === meter) ?? { meter, quantity: '0', parts: '0' }));

/** Answers what buckets used, and what that costs: each meter by itself. */
@Injectable()
export class MeterReader {
  constructor(
    @InjectDataSource('billing') private readonly db: DataSource,
    private readonly ledger: LedgerReader,
  ) {}

  /** Both meters over all that a statement is of. @param db the transaction that the statement is read in, or else the database */
  async totals(scope: StatementScope, db: Queries = this.db): Promise<readonly WireMeterTotal[]> {
    const text = `SELECT meter, ${SUMS} FROM meter_line WHERE ${WHERE} AND ${IN_PERIOD} GROUP BY meter`;
    return bothOf(await db.query<SumRow[]>(text, [...valuesOf(scope)]));
  }

  /** A page of rows. @throws Unavailable the ledger was behind */
  async read(
    dimensions: readonly MeterDimension[],
    scope: StatementScope,
    page: { readonly offset: number; readonly limit: number },
    names: NamesOf,
  ): Promise<Pick<WireMeters, 'through' | 'currency' | 'count' | 'rows' | 'totals' | 'unrated'>> {
    await this.ledger.catchUp();
    return this.db.transaction('REPEATABLE READ', async (tx) => {
      const rows = await this.groups(tx, dimensions, scope, page);
      const totals = await this.totals(scope, tx);
      const [parked] = await tx.query<{ count: string }[]>(
        `SELECT count(*) AS count FROM unrated_meter WHERE ${WHERE} AND from_at >= $3::timestamptz AND from_at < $4::timestamptz AND $5::bigint IS NULL`,
        [...valuesOf(scope)],
      );
      return {
        through: (await readPosition(tx, 'ledger'))?.sequence ?? 0,
        currency: (await readPriceLists(tx)).at(-1)?.priceList.currency ?? 'EUR',
        count: Number(rows[0]?.count ?? 0),
        rows: rows.map((row) => rowOf(row, dimensions, names)),
        totals,
        unrated: Number(parked?.count ?? 0),
      };
    });
  }

  private groups(
    db: Queries,
    dimensions: readonly MeterDimension[],
    scope: StatementScope,
    { offset, limit }: { readonly offset: number; readonly limit: number },
  ): Promise<GroupRow[]> {
    const keys = dimensions.map((one, index) => `${COLUMNS[one]} AS k${index}, `).join('');
    const by = [...dimensions.map((_, index) => `k${index}`), 'meter'].join(', ');
    return db.query<GroupRow[]>(
      `SELECT *, count(*) OVER ()::text AS count FROM (SELECT ${keys}meter, ${SUMS} FROM meter_line WHERE ${WHERE} AND ${IN_PERIOD} GROUP BY ${by}) summed
       ORDER BY ${by} LIMIT $6 OFFSET $7`,
      [...valuesOf(scope), limit, offset],
    );
  }
}

const rowOf = (row: GroupRow, dimensions: readonly MeterDimension[], names: NamesOf): WireMeterRow => {
  const named = dimensions.flatMap((one, index): readonly (readonly [string, string])[] => {
    const name = one === 'bucket' ? undefined : names[one](row[`k${index}`] ?? '');
    return name === undefined ? [] : [[one, name]];
  });
  return {
    by: Object.fromEntries(dimensions.map((one, index) => [one, row[`k${index}`] ?? ''])),
    names: Object.fromEntries(named),
    ...sumsOf(row),
  };
};
