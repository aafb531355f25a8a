import { dayOf, meterKey, monthOf, split, type Meter, type MeteredUse, type MeterLine } from '@fornax/domain';
import type { Queries } from './ledger-state.js';

/** What a meter's use is of, as its rows have it: big numbers as texts. */
export interface MeteredRow {
  readonly sequence: string;
  readonly place: number;
  readonly meter: Meter;
  readonly bucket: string;
  readonly owner: string;
  readonly project: string;
  readonly from_at: string;
  readonly until_at: string;
  readonly quantity: string;
  readonly commit_id: string;
}
export interface MeterRow extends MeteredRow {
  readonly amount_nanos: string;
  readonly amount_rest: string;
  readonly currency: string;
  readonly rule: string;
  readonly price_list_version: number;
  readonly rated_sequence: string;
  readonly counts_at: string;
}

const USE = {
  sequence: 'bigint',
  place: 'integer',
  meter: 'text',
  bucket: 'text',
  owner: 'text',
  project: 'text',
  from_at: 'timestamptz',
  until_at: 'timestamptz',
  quantity: 'numeric',
  commit_id: 'text',
} as const satisfies Record<keyof MeteredRow, string>;
const LINE = {
  ...USE,
  amount_nanos: 'numeric',
  amount_rest: 'bigint',
  currency: 'text',
  rule: 'text',
  price_list_version: 'integer',
  rated_sequence: 'bigint',
  counts_at: 'timestamptz',
} as const satisfies Record<keyof MeterRow, string>;

const instant = (at: number): string => new Date(at).toISOString();

const useRow = ({ reading, meter, quantity, sequence, commitId, place }: MeteredUse): MeteredRow => ({
  sequence: String(sequence),
  place,
  meter,
  bucket: reading.bucket,
  owner: reading.owner,
  project: reading.projectUuid ?? reading.owner,
  from_at: instant(reading.from),
  until_at: instant(reading.until),
  quantity: String(quantity),
  commit_id: commitId,
});

/** A line as its row. */
export const meterRowOf = (line: MeterLine): MeterRow => {
  const { nanos, rest } = split(line.amount);
  return {
    ...useRow(line),
    amount_nanos: String(nanos),
    amount_rest: String(rest),
    currency: line.priceList.currency,
    rule: line.rule,
    price_list_version: line.priceList.version,
    rated_sequence: String(line.ratedSequence),
    counts_at: instant(line.countsAt),
  };
};

const insert = async <R extends object>(
  db: Queries,
  table: string,
  columns: Readonly<Record<string, string>>,
  rows: readonly R[],
): Promise<void> => {
  if (rows.length === 0) return;
  const names = Object.keys(columns);
  await db.query(
    `INSERT INTO ${table} (${names.join(', ')}) SELECT * FROM unnest(${names.map((name, index) => `$${index + 1}::${columns[name]}[]`).join(', ')})`,
    names.map((name) => rows.map((row) => (row as Readonly<Record<string, unknown>>)[name])),
  );
};

/** What lines add to a holder's sum of a period. */
const sumsOf = (
  lines: readonly MeterLine[],
  keyOf: (line: MeterLine) => readonly [holder: string, period: string],
): readonly (readonly [holder: string, period: string, parts: string])[] => {
  const sums = new Map<string, bigint>();
  for (const line of lines) {
    const key = JSON.stringify(keyOf(line));
    sums.set(key, (sums.get(key) ?? 0n) + line.amount);
  }
  return [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, parts]) => {
      const [holder, period] = JSON.parse(key) as [string, string];
      return [holder, period, String(parts)];
    });
};
const columnsOf = (rows: readonly (readonly [string, string, string])[]) =>
  [0, 1, 2].map((column) => rows.map((row) => row[column]));

/** Writes lines of meters, and adds them to what their owners used in months and their projects on days. Discounts of volume are of computing alone. */
export const insertMeterLines = async (db: Queries, lines: readonly MeterLine[]): Promise<void> => {
  if (lines.length === 0) return;
  await insert(db, 'meter_line', LINE, lines.map(meterRowOf));
  await db.query(
    `INSERT INTO month_usage (owner, month, net_parts, gross_parts, lines) SELECT owner, month, parts, 0, 0
     FROM unnest($1::text[], $2::text[], $3::numeric[]) AS added (owner, month, parts)
     ON CONFLICT (owner, month) DO UPDATE SET net_parts = month_usage.net_parts + excluded.net_parts`,
    columnsOf(sumsOf(lines, ({ reading }) => [reading.owner, monthOf(reading.from)])),
  );
  await db.query(
    `INSERT INTO project_day (project_uuid, day, net_parts) SELECT * FROM unnest($1::text[], $2::text[], $3::numeric[])
     ON CONFLICT (project_uuid, day) DO UPDATE SET net_parts = project_day.net_parts + excluded.net_parts`,
    columnsOf(sumsOf(lines, ({ reading, countsAt }) => [reading.projectUuid ?? reading.owner, dayOf(countsAt)])),
  );
};

export const insertUnratedMeters = (db: Queries, parked: readonly MeteredUse[]): Promise<void> =>
  insert(
    db,
    'unrated_meter',
    { ...USE, told_at: 'timestamptz' },
    parked.map((use) => ({ ...useRow(use), told_at: instant(use.toldAt) })),
  );

/** What has a price now waits for one no more. */
export const deleteRatedMeters = async (db: Queries, lines: readonly MeterLine[]): Promise<void> => {
  if (lines.length === 0) return;
  await db.query(
    `DELETE FROM unrated_meter USING unnest($1::bigint[], $2::integer[], $3::text[]) AS rated (sequence, place, meter)
     WHERE unrated_meter.sequence = rated.sequence AND unrated_meter.place = rated.place AND unrated_meter.meter = rated.meter`,
    [lines.map((line) => line.sequence), lines.map(({ place }) => place), lines.map(({ meter }) => meter)],
  );
};

type ReadUse = Omit<MeteredRow, 'from_at' | 'until_at'> & {
  readonly from_at: Date;
  readonly until_at: Date;
  readonly told_at: Date;
};

/** Uses of meters that have no price yet, by `meterKey`, in the order in which they were told. */
export const readUnratedMeters = async (db: Queries): Promise<Map<string, MeteredUse>> => {
  const rows = await db.query<ReadUse[]>('SELECT * FROM unrated_meter ORDER BY sequence, place, meter');
  return new Map(
    rows.map((row) => {
      const { bucket, owner, project, place, meter } = row;
      const reading = {
        bucket,
        owner,
        projectUuid: project,
        from: row.from_at.getTime(),
        until: row.until_at.getTime(),
      };
      const use = {
        ...{ reading, meter, place, quantity: BigInt(row.quantity), sequence: Number(row.sequence) },
        ...{ commitId: row.commit_id, toldAt: row.told_at.getTime() },
      };
      return [meterKey(use), use];
    }),
  );
};
