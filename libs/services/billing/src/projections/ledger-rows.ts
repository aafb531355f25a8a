import {
  dayOf,
  monthOf,
  split,
  type BillLine,
  type ParkedAttempt,
  type PublishedPriceList,
  type RatedAt,
  type UsageTerms,
} from '@fornax/domain';
import type { Queries } from './ledger-state.js';

export const insertTerms = async (db: Queries, terms: readonly UsageTerms[]): Promise<void> => {
  if (terms.length === 0) return;
  await db.query(
    `INSERT INTO usage_terms (task_id, kind, owner, shortname, project_uuid, plan, constrained, memory_mb, sequence, tags, labels)
     SELECT task_id, kind, owner, shortname, project_uuid, plan, constrained, memory_mb, sequence, tags::jsonb, labels::jsonb
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::double precision[], $9::bigint[],
       $10::text[], $11::text[]) AS row (task_id, kind, owner, shortname, project_uuid, plan, constrained, memory_mb, sequence, tags, labels)`,
    [
      terms.map(({ id }) => id),
      terms.map(({ kind }) => kind),
      terms.map(({ owner }) => owner),
      terms.map(({ shortname }) => shortname),
      terms.map(({ projectUuid }) => projectUuid),
      terms.map(({ plan }) => plan),
      terms.map(({ constrained }) => constrained),
      terms.map(({ memoryMB }) => memoryMB),
      terms.map(({ sequence }) => sequence),
      terms.map(({ tags }) => JSON.stringify(tags)),
      terms.map(({ labels }) => JSON.stringify(labels)),
    ],
  );
};

export const insertPriceLists = async (db: Queries, lists: readonly PublishedPriceList[]): Promise<void> => {
  if (lists.length === 0) return;
  await db.query(
    `INSERT INTO published_price_list (version, document, from_ms, sequence) SELECT version, document::jsonb, from_ms, sequence
     FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::bigint[]) AS row (version, document, from_ms, sequence)`,
    [
      lists.map(({ priceList }) => priceList.version),
      lists.map(({ priceList }) => JSON.stringify(priceList)),
      lists.map(({ from }) => Math.floor(from)),
      lists.map(({ sequence }) => sequence),
    ],
  );
};

const instant = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());

export interface LineRow {
  readonly task_id: string;
  readonly instance: number;
  readonly attempt: number;
  readonly run: number;
  readonly kind: string;
  readonly owner: string;
  readonly project_uuid: string | null;
  readonly lease_id: string;
  readonly node: string;
  readonly specification_key: string;
  readonly cpu_model: string;
  readonly plan: string;
  readonly constrained: boolean;
  readonly outcome: string;
  readonly cause: string | null;
  readonly started_at: string | null;
  readonly ended_at: string;
  readonly billed_ms: string;
  readonly milli_cores: number;
  readonly milli_ghz: number;
  readonly memory_mb: number;
  readonly amount_nanos: string;
  readonly amount_rest: string;
  readonly currency: string;
  readonly rule: string;
  readonly price_list_version: number;
  readonly sequence: string;
  readonly commit_id: string;
  readonly is_last: boolean;
  readonly rated_sequence: string;
  readonly rated_index: number;
  /** When it counts in statements and budgets. */
  readonly counts_at: string;
}

/** Rating run of the lines that the log gives. */
export const FIRST_RUN = 0;

const LINE_COLUMNS: Readonly<Record<keyof LineRow, string>> = {
  task_id: 'text',
  instance: 'integer',
  attempt: 'integer',
  run: 'integer',
  kind: 'text',
  owner: 'text',
  project_uuid: 'text',
  lease_id: 'text',
  node: 'text',
  specification_key: 'text',
  cpu_model: 'text',
  plan: 'text',
  constrained: 'boolean',
  outcome: 'text',
  cause: 'text',
  started_at: 'timestamptz',
  ended_at: 'timestamptz',
  billed_ms: 'bigint',
  milli_cores: 'integer',
  milli_ghz: 'integer',
  memory_mb: 'double precision',
  amount_nanos: 'bigint',
  amount_rest: 'bigint',
  currency: 'text',
  rule: 'text',
  price_list_version: 'integer',
  sequence: 'bigint',
  commit_id: 'text',
  is_last: 'boolean',
  rated_sequence: 'bigint',
  rated_index: 'integer',
  counts_at: 'timestamptz',
};
// The keys of the record above are all there are.
const NAMES = Object.keys(LINE_COLUMNS) as (keyof LineRow)[];

/** A line as its row, big numbers as the driver gives them: as text. */
export const rowOf = (line: BillLine & RatedAt): LineRow => {
  const { terms, end, usage, rating, priceList, sequence, commitId } = line;
  const { nanos, rest } = split(rating.amount);
  return {
    task_id: terms.id,
    instance: end.instance,
    attempt: end.attempt,
    run: FIRST_RUN,
    kind: terms.kind,
    owner: terms.owner,
    project_uuid: terms.projectUuid,
    lease_id: end.leaseId,
    node: end.node,
    specification_key: end.hardware.specificationKey,
    cpu_model: end.hardware.cpuModel,
    plan: terms.plan,
    constrained: terms.constrained,
    outcome: end.outcome,
    cause: end.cause ?? null,
    started_at: instant(usage?.from),
    ended_at: new Date(usage?.until ?? end.endedAt).toISOString(),
    billed_ms: String(rating.billedMs),
    milli_cores: usage?.milliCores ?? 0,
    milli_ghz: usage?.milliGhz ?? 0,
    memory_mb: terms.memoryMB,
    amount_nanos: String(nanos),
    amount_rest: String(rest),
    currency: priceList.currency,
    rule: rating.rule,
    price_list_version: priceList.version,
    sequence: String(sequence),
    commit_id: commitId,
    is_last: line.isLast,
    rated_sequence: String(line.ratedSequence),
    rated_index: line.ratedIndex,
    counts_at: new Date(line.countsAt).toISOString(),
  };
};

export const insertLines = async (db: Queries, lines: readonly (BillLine & RatedAt)[]): Promise<void> => {
  if (lines.length === 0) return;
  const rows = lines.map(rowOf);
  await db.query(
    `INSERT INTO bill_line (${NAMES.join(', ')}) SELECT * FROM unnest(${NAMES.map((name, index) => `$${index + 1}::${LINE_COLUMNS[name]}[]`).join(', ')})`,
    NAMES.map((name) => rows.map((row) => row[name])),
  );
};

interface Used {
  readonly holder: string;
  readonly period: string;
  net: bigint;
  gross: bigint;
  lines: number;
}

/** Sums of lines by a holder and the period that an instant lies in, in one order for all, so that two writers never wait for each other in a circle. */
const sumsOf = (
  lines: readonly (BillLine & RatedAt)[],
  holderOf: (line: BillLine) => string,
  periodOf: (line: BillLine & RatedAt) => string,
): readonly Used[] => {
  const sums = new Map<string, Used>();
  for (const line of lines) {
    const { rating } = line;
    const [holder, period] = [holderOf(line), periodOf(line)];
    const key = JSON.stringify([holder, period]);
    const sum = sums.get(key) ?? { holder, period, net: 0n, gross: 0n, lines: 0 };
    sum.net += rating.amount;
    sum.gross += rating.gross;
    sum.lines += 1;
    sums.set(key, sum);
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum);
};

/** Adds lines to what their owners have used in the months of their starts, and their projects on the days that they count on. */
export const addUsage = async (db: Queries, lines: readonly (BillLine & RatedAt)[]): Promise<void> => {
  if (lines.length === 0) return;
  const months = sumsOf(
    lines,
    ({ terms }) => terms.owner,
    ({ usage, end }) => monthOf(usage?.from ?? end.endedAt),
  );
  await db.query(
    `INSERT INTO month_usage (owner, month, net_parts, gross_parts, lines)
     SELECT * FROM unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::bigint[])
     ON CONFLICT (owner, month) DO UPDATE SET net_parts = month_usage.net_parts + excluded.net_parts,
       gross_parts = month_usage.gross_parts + excluded.gross_parts, lines = month_usage.lines + excluded.lines`,
    [
      months.map(({ holder }) => holder),
      months.map(({ period }) => period),
      months.map(({ net }) => String(net)),
      months.map(({ gross }) => String(gross)),
      months.map((row) => row.lines),
    ],
  );
  const days = sumsOf(
    lines,
    ({ terms }) => terms.projectUuid ?? terms.owner,
    (line) => dayOf(line.countsAt),
  );
  await db.query(
    `INSERT INTO project_day (project_uuid, day, net_parts) SELECT * FROM unnest($1::text[], $2::text[], $3::numeric[])
     ON CONFLICT (project_uuid, day) DO UPDATE SET net_parts = project_day.net_parts + excluded.net_parts`,
    [days.map(({ holder }) => holder), days.map(({ period }) => period), days.map(({ net }) => String(net))],
  );
};

export const insertParked = async (db: Queries, parked: readonly ParkedAttempt[]): Promise<void> => {
  if (parked.length === 0) return;
  await db.query(
    `INSERT INTO unrated_attempt (task_id, instance, attempt, owner, reason, is_last, attempt_end, sequence, commit_id)
     SELECT task_id, instance, attempt, owner, reason, is_last, attempt_end::jsonb, sequence, commit_id
     FROM unnest($1::text[], $2::integer[], $3::integer[], $4::text[], $5::text[], $6::boolean[], $7::text[], $8::bigint[], $9::text[])
       AS row (task_id, instance, attempt, owner, reason, is_last, attempt_end, sequence, commit_id)`,
    [
      parked.map(({ terms }) => terms.id),
      parked.map(({ end }) => end.instance),
      parked.map(({ end }) => end.attempt),
      parked.map(({ terms }) => terms.owner),
      parked.map(({ reason }) => reason),
      parked.map(({ isLast }) => isLast),
      parked.map(({ end }) => JSON.stringify(end)),
      parked.map(({ sequence }) => sequence),
      parked.map(({ commitId }) => commitId),
    ],
  );
};

/** Attempts that have a price now wait for one no more. */
export const deleteRated = async (db: Queries, lines: readonly BillLine[]): Promise<void> => {
  await db.query(
    `DELETE FROM unrated_attempt USING unnest($1::text[], $2::integer[], $3::integer[]) AS rated (task_id, instance, attempt)
     WHERE unrated_attempt.task_id = rated.task_id AND unrated_attempt.instance = rated.instance AND unrated_attempt.attempt = rated.attempt`,
    [lines.map(({ terms }) => terms.id), lines.map(({ end }) => end.instance), lines.map(({ end }) => end.attempt)],
  );
};
