import { joined, type PriceList } from '@fornax/domain';
import type { Sql } from '../queries/cursor.js';
import type { Queries } from '../projections/ledger-state.js';
import type { Difference, RatedLine } from './rerating.js';

/** A period that is, or was, rated again. */
export interface RatingRun {
  readonly id: string;
  readonly from_ms: string;
  readonly to_ms: string;
  readonly through: string;
  readonly list: number | null;
  readonly prices: PriceList | null;
  readonly state: 'running' | 'done' | 'failed' | 'committing' | 'committed';
  readonly total: string;
  readonly done: string;
  readonly unrated: string;
  /** Lines that are corrected until now. */
  readonly booked: string;
  /** How often it failed, and why, the last time. */
  readonly tries: number;
  readonly reason: string | null;
}
export interface DifferenceRow {
  readonly project: string;
  readonly task: string | null;
  readonly attempts: string;
  readonly before_parts: string;
  readonly after_parts: string;
}
export interface Period {
  readonly from: number;
  readonly to: number;
}

const TIME = 'coalesce(started_at, ended_at)';
const instant = (at: number): string => new Date(at).toISOString();

/** Runs that are kept. */
const KEPT = 100;

export const insertRun = async (
  db: Queries,
  run: Period & {
    readonly id: string;
    readonly through: number;
    readonly list?: number | undefined;
    readonly prices?: PriceList | undefined;
    readonly at: number;
  },
): Promise<void> => {
  await db.query(
    `INSERT INTO rating_run (id, created_at, from_ms, to_ms, through, list, prices, state, total, done, unrated)
     SELECT $1, $2, $3, $4, $5, $6, $7::jsonb, 'running',
       (SELECT count(*) FROM bill_line WHERE run = 0 AND ${TIME} >= $8 AND ${TIME} < $9 AND rated_sequence <= $5), 0, 0`,
    [
      ...[run.id, instant(run.at), run.from, run.to, run.through, run.list ?? null],
      ...[run.prices === undefined ? null : JSON.stringify(run.prices), instant(run.from), instant(run.to)],
    ],
  );
  await db.query(
    `DELETE FROM rating_run WHERE state <> 'running' AND id IN (SELECT id FROM rating_run ORDER BY created_at DESC OFFSET ${KEPT})`,
  );
};

export const readRun = async (db: Queries, id: string): Promise<RatingRun | undefined> =>
  (await db.query<RatingRun[]>('SELECT * FROM rating_run WHERE id = $1', [id]))[0];

/** In the order in which they were asked for. */
export const unfinishedRuns = async (db: Queries): Promise<readonly string[]> =>
  (await db.query<{ id: string }[]>(`SELECT id FROM rating_run WHERE state = 'running' ORDER BY created_at`)).map(
    ({ id }) => id,
  );

/** Differences by project, or by project and task, and their sum. */
export const readDifferences = async (
  db: Queries,
  id: string,
  { by, offset, limit }: { readonly by: 'project' | 'task'; readonly offset: number; readonly limit: number },
) => {
  const sums =
    'coalesce(sum(attempts), 0) AS attempts, coalesce(sum(before_parts), 0) AS before_parts, coalesce(sum(after_parts), 0) AS after_parts';
  const task = by === 'task' ? 'task_id' : 'NULL::text';
  const rows = await db.query<DifferenceRow[]>(
    `SELECT project, ${task} AS task, ${sums} FROM rating_difference WHERE run_id = $1 GROUP BY 1, 2 ORDER BY 1, 2 LIMIT $2 OFFSET $3`,
    [id, limit, offset],
  );
  const counted = by === 'task' ? '(project, task_id)' : 'project';
  const [total] = await db.query<(DifferenceRow & { readonly count: string })[]>(
    `SELECT count(DISTINCT ${counted}) AS count, ${sums} FROM rating_difference WHERE run_id = $1`,
    [id],
  );
  if (!total) throw new Error('a sum has one row');
  return { rows, total, count: Number(total.count) };
};

/** Lines of a period, and of what else their prices depend on, in the order in which they were rated, each with what has corrected it. */
export const linesSql = ({ from, to }: Period, through: number): Sql => ({
  text: `SELECT task_id, instance, attempt, kind, owner, project_uuid, node, specification_key, cpu_model, plan, constrained, outcome, cause, milli_cores, milli_ghz,
      memory_mb, amount_nanos + coalesce(more.nanos, 0) AS amount_nanos, amount_rest + coalesce(more.rest, 0) AS amount_rest, is_last,
      coalesce(more.version, price_list_version) AS price_list_version,
      (extract(epoch FROM started_at) * 1000)::bigint::text AS started_ms, (extract(epoch FROM ended_at) * 1000)::bigint::text AS ended_ms
    FROM bill_line LEFT JOIN (
      SELECT task_id, instance, attempt, sum(amount_nanos) AS nanos, sum(amount_rest) AS rest, (array_agg(price_list_version ORDER BY run DESC))[1] AS version
      FROM bill_line WHERE run > 0 AND rated_sequence <= $3::bigint GROUP BY 1, 2, 3
    ) more USING (task_id, instance, attempt)
    WHERE run = 0 AND ${TIME} >= $1::timestamptz AND ${TIME} < $2::timestamptz AND rated_sequence <= $3::bigint
    ORDER BY rated_sequence, rated_index`,
  values: [instant(from), instant(to), through],
});

/** Whether anything that started in a period was rated, or corrected, after a commit, and before another one where that is given. */
export const ratedSince = async (
  db: Queries,
  { from, to }: Period,
  through: number,
  before?: number,
): Promise<boolean> => {
  const [row] = await db.query<{ is_so: boolean }[]>(
    `SELECT EXISTS (SELECT FROM bill_line WHERE ${TIME} >= $1::timestamptz AND ${TIME} < $2::timestamptz AND rated_sequence > $3::bigint
       AND ($4::bigint IS NULL OR rated_sequence < $4::bigint)) AS is_so`,
    [instant(from), instant(to), through, before ?? null],
  );
  return row?.is_so === true;
};

/** What instances of these lines were charged for attempts that are not among the lines of a time. */
export const chargedBefore = async (
  db: Queries,
  lines: readonly RatedLine[],
  { from, to }: Period,
  through: number,
) => {
  const again = lines.filter(({ attempt, kind }) => attempt > 1 && kind === 'task');
  if (again.length === 0) return [];
  const rows = await db.query<{ task_id: string; instance: number; nanos: string; rest: string }[]>(
    `SELECT task_id, instance, sum(amount_nanos) AS nanos, sum(amount_rest) AS rest
     FROM bill_line JOIN (
       SELECT task_id, instance, min(before) AS before
       FROM unnest($1::text[], $2::integer[], $3::integer[]) AS line (task_id, instance, before) GROUP BY task_id, instance
     ) AS asked USING (task_id, instance)
     WHERE attempt < before AND (${TIME} < $4::timestamptz OR ${TIME} >= $5::timestamptz) AND rated_sequence <= $6::bigint GROUP BY task_id, instance`,
    [
      ...[again.map((line) => line.task_id), again.map((line) => line.instance), again.map((line) => line.attempt)],
      ...[instant(from), instant(to), through],
    ],
  );
  return rows.map(({ task_id, instance, nanos, rest }) => ({
    taskId: task_id,
    instance,
    amount: joined({ nanos: BigInt(nanos), rest: BigInt(rest) }),
  }));
};

export const addDifferences = async (
  db: Queries,
  id: string,
  differences: readonly Difference[],
  { done, unrated }: { readonly done: number; readonly unrated: number },
): Promise<void> => {
  await db.query(
    `INSERT INTO rating_difference (run_id, project, task_id, attempts, before_parts, after_parts)
     SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::numeric[], $6::numeric[])
     ON CONFLICT (run_id, project, task_id) DO UPDATE SET attempts = rating_difference.attempts + excluded.attempts,
       before_parts = rating_difference.before_parts + excluded.before_parts, after_parts = rating_difference.after_parts + excluded.after_parts`,
    [
      id,
      differences.map(({ project }) => project),
      differences.map(({ taskId }) => taskId),
      differences.map(({ attempts }) => attempts),
      differences.map(({ before }) => String(before)),
      differences.map(({ after }) => String(after)),
    ],
  );
  await db.query('UPDATE rating_run SET done = $2, unrated = $3 WHERE id = $1', [id, done, unrated]);
};

/** Takes back what a process that died left of a run. */
export const beginAgain = async (db: Queries, id: string): Promise<void> => {
  await db.query('DELETE FROM rating_difference WHERE run_id = $1', [id]);
  await db.query('UPDATE rating_run SET done = 0, unrated = 0 WHERE id = $1', [id]);
};

/** So often a run, or the booking of one, is tried. */
export const MOST_TRIES = 3;
/** What is left of a reason that a person can read. */
const MOST_REASON_CHARS = 300;
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, MOST_REASON_CHARS);

export const noteFailure = async (
  db: Queries,
  id: string,
  { reason, isTriedAgain }: { readonly reason: string; readonly isTriedAgain: boolean },
): Promise<void> => {
  await db.query(
    `UPDATE rating_run SET tries = tries + 1, reason = $2, state = CASE WHEN $3 THEN state ELSE 'failed' END WHERE id = $1 AND state = 'running'`,
    [id, reason, isTriedAgain],
  );
};

/** Its difference is being booked. Nothing where the run was kept in a database that is lost, or where it is booked by now. */
export const noteCommitting = async (db: Queries, id: string): Promise<void> => {
  await db.query(`UPDATE rating_run SET state = 'committing' WHERE id = $1 AND state = 'done'`, [id]);
};

/** So many lines are corrected by now. */
export const noteBooked = async (db: Queries, id: string, lines: number): Promise<void> => {
  await db.query('UPDATE rating_run SET booked = $2 WHERE id = $1', [id, lines]);
};

/** Their differences are booked. */
export const noteCommitted = async (db: Queries, ids: readonly string[]): Promise<void> => {
  await db.query(`UPDATE rating_run SET state = 'committed' WHERE id = ANY($1::text[]) AND state <> 'committed'`, [
    ids,
  ]);
};

/** Why a difference could not be booked, the last time. */
export const noteReason = async (db: Queries, id: string, reason: string): Promise<void> => {
  await db.query('UPDATE rating_run SET reason = $2 WHERE id = $1', [id, reason]);
};

/** Their differences could not be booked, and are not tried again. */
export const noteCommitsFailed = async (db: Queries, failed: ReadonlyMap<string, string>): Promise<void> => {
  if (failed.size === 0) return;
  await db.query(
    `UPDATE rating_run SET state = 'failed', reason = failed.reason FROM unnest($1::text[], $2::text[]) AS failed (id, reason)
     WHERE rating_run.id = failed.id AND state <> 'failed'`,
    [[...failed.keys()], [...failed.values()]],
  );
};

export const endRun = async (db: Queries, id: string): Promise<void> => {
  await db.query(`UPDATE rating_run SET state = 'done', reason = NULL WHERE id = $1`, [id]);
};
