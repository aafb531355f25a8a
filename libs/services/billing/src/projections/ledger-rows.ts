import type { PriceList, SchedulingPlan } from '@fornax/domain';
import type { EntityManager } from 'typeorm';
import type { LedgerLine, PublishedPriceList, TaskTerms } from './ledger-line.js';

export type Queries = Pick<EntityManager, 'query'>;

interface StoredTerms {
  readonly task_id: string;
  readonly owner: string;
  readonly shortname: string;
  readonly plan: SchedulingPlan;
  readonly constrained: boolean;
  readonly sequence: string;
}

const termsOf = (row: StoredTerms): TaskTerms => ({
  taskId: row.task_id,
  owner: row.owner,
  shortname: row.shortname,
  plan: row.plan,
  constrained: row.constrained,
  sequence: Number(row.sequence),
});

export const readTerms = async (db: Queries, taskIds: readonly string[]): Promise<ReadonlyMap<string, TaskTerms>> => {
  const rows = await db.query<StoredTerms[]>(
    'SELECT task_id, owner, shortname, plan, constrained, sequence FROM task_terms WHERE task_id = ANY($1::text[])',
    [taskIds],
  );
  return new Map(rows.map((row) => [row.task_id, termsOf(row)]));
};

/** The owner's task by its id, or else the latest one of that short name. */
export const findTerms = async (db: Queries, owner: string, idOrShortname: string): Promise<TaskTerms | undefined> => {
  const [row] = await db.query<StoredTerms[]>(
    `SELECT task_id, owner, shortname, plan, constrained, sequence FROM task_terms
     WHERE owner = $1 AND (task_id = $2 OR shortname = $2) ORDER BY (task_id = $2) DESC, sequence DESC LIMIT 1`,
    [owner, idOrShortname],
  );
  return row && termsOf(row);
};

export const insertTerms = async (db: Queries, terms: readonly TaskTerms[]): Promise<void> => {
  if (terms.length === 0) return;
  await db.query(
    `INSERT INTO task_terms (task_id, owner, shortname, plan, constrained, sequence)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::bigint[])`,
    [
      terms.map(({ taskId }) => taskId),
      terms.map(({ owner }) => owner),
      terms.map(({ shortname }) => shortname),
      terms.map(({ plan }) => plan),
      terms.map(({ constrained }) => constrained),
      terms.map(({ sequence }) => sequence),
    ],
  );
};

/** In the order of their publication. */
export const readPriceLists = async (db: Queries): Promise<readonly PublishedPriceList[]> => {
  const rows = await db.query<{ document: PriceList; sequence: string }[]>(
    'SELECT document, sequence FROM price_list ORDER BY sequence',
  );
  return rows.map(({ document, sequence }) => ({ priceList: document, sequence: Number(sequence) }));
};

export const insertPriceLists = async (db: Queries, lists: readonly PublishedPriceList[]): Promise<void> => {
  if (lists.length === 0) return;
  await db.query(
    'INSERT INTO price_list (version, document, sequence) SELECT version, document::jsonb, sequence FROM unnest($1::integer[], $2::text[], $3::bigint[]) AS row (version, document, sequence)',
    [
      lists.map(({ priceList }) => priceList.version),
      lists.map(({ priceList }) => JSON.stringify(priceList)),
      lists.map(({ sequence }) => sequence),
    ],
  );
};

const instant = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());

export const insertLines = async (db: Queries, lines: readonly LedgerLine[]): Promise<void> => {
  if (lines.length === 0) return;
  const column = <T>(pick: (line: LedgerLine) => T): readonly T[] => lines.map(pick);
  await db.query(
    `INSERT INTO ledger_line (task_id, instance, attempt, owner, lease_id, node, specification_key, cpu_model, plan, outcome, cause,
       started_at, ended_at, billed_ms, cores, amount_micros, currency, rule, price_list_version, sequence, commit_id)
     SELECT * FROM unnest($1::text[], $2::integer[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
       $10::text[], $11::text[], $12::timestamptz[], $13::timestamptz[], $14::bigint[], $15::double precision[], $16::bigint[], $17::text[],
       $18::text[], $19::integer[], $20::bigint[], $21::text[])`,
    [
      column(({ terms }) => terms.taskId),
      column(({ end }) => end.instance),
      column(({ end }) => end.attempt),
      column(({ terms }) => terms.owner),
      column(({ end }) => end.leaseId),
      column(({ end }) => end.node),
      column(({ end }) => end.hardware.specificationKey),
      column(({ end }) => end.hardware.cpuModel),
      column(({ terms }) => terms.plan),
      column(({ end }) => end.outcome),
      column(({ end }) => end.cause ?? null),
      column(({ end }) => instant(end.startedAt)),
      column(({ end }) => instant(end.endedAt)),
      column(({ rating }) => rating.billedMs),
      column(({ end }) => end.cores),
      column(({ rating }) => rating.amountMicros),
      column(({ priceList }) => priceList.currency),
      column(({ rating }) => rating.rule),
      column(({ priceList }) => priceList.version),
      column(({ sequence }) => sequence),
      column(({ commitId }) => commitId),
    ],
  );
};

/** Adds lines to what their owners have consumed. */
export const addConsumption = async (db: Queries, lines: readonly LedgerLine[]): Promise<void> => {
  if (lines.length === 0) return;
  const byOwner = Map.groupBy(lines, ({ terms }) => terms.owner);
  const owners = [...byOwner.keys()].sort(); // one order for all, so that two writers never wait for each other in a circle
  await db.query(
    `INSERT INTO consumption (owner, amount_micros, lines)
     SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])
     ON CONFLICT (owner) DO UPDATE SET amount_micros = consumption.amount_micros + excluded.amount_micros,
       lines = consumption.lines + excluded.lines`,
    [
      owners,
      owners.map((owner) => (byOwner.get(owner) ?? []).reduce((sum, { rating }) => sum + rating.amountMicros, 0)),
      owners.map((owner) => byOwner.get(owner)?.length ?? 0),
    ],
  );
};
