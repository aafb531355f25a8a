import { PARTS_PER_NANO, split, type BookedCorrections, type MonthClosed } from '@fornax/domain';
import type { Queries } from './ledger-state.js';

const ADDED = `INSERT INTO bill_line (task_id, instance, attempt, run, kind, owner, project_uuid, lease_id, node, specification_key, cpu_model, plan, constrained,
    outcome, cause, started_at, ended_at, billed_ms, milli_cores, milli_ghz, memory_mb, amount_nanos, amount_rest, currency, rule, price_list_version, sequence,
    commit_id, is_last, rated_sequence, rated_index, counts_at)
  SELECT task_id, instance, attempt, $7, kind, owner, project_uuid, lease_id, node, specification_key, cpu_model, plan, constrained, outcome, cause, started_at,
    ended_at, 0, milli_cores, milli_ghz, memory_mb, corrected.nanos, corrected.rest, currency, corrected.rule, corrected.list, $8, $9, is_last, $8, corrected.place,
    CASE WHEN coalesce(started_at, ended_at) >= $10::timestamptz THEN coalesce(started_at, ended_at) ELSE $11::timestamptz END
  FROM unnest($1::text[], $2::integer[], $3::integer[], $4::bigint[], $5::bigint[], $6::text[], $12::integer[])
    WITH ORDINALITY AS corrected (task_id, instance, attempt, nanos, rest, rule, list, place)
    JOIN bill_line USING (task_id, instance, attempt) WHERE bill_line.run = 0 RETURNING *`;
const PARTS = `sum(amount_nanos) * ${PARTS_PER_NANO} + sum(amount_rest)`;

/** Adds lines of a rating run to those that they correct, and to all sums that these are in. */
const CORRECT = `WITH added AS (${ADDED}), months AS (
    INSERT INTO month_usage (owner, month, net_parts, gross_parts, lines)
    SELECT owner, to_char(coalesce(started_at, ended_at) AT TIME ZONE 'UTC', 'YYYY-MM'), ${PARTS}, 0, 0 FROM added GROUP BY 1, 2
    ON CONFLICT (owner, month) DO UPDATE SET net_parts = month_usage.net_parts + excluded.net_parts
  ), days AS (
    INSERT INTO project_day (project_uuid, day, net_parts)
    SELECT coalesce(project_uuid, owner), to_char(counts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), ${PARTS} FROM added GROUP BY 1, 2
    ON CONFLICT (project_uuid, day) DO UPDATE SET net_parts = project_day.net_parts + excluded.net_parts
  ), hours AS (
    INSERT INTO usage_hour (owner, hour, project, plan, node, specification_key, attempts, instances, failures, billed_ms, core_ms, parts)
    SELECT owner, date_trunc('hour', counts_at, 'UTC'), coalesce(project_uuid, owner), plan, node, specification_key, 0, 0, 0, 0, 0, ${PARTS}
    FROM added GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (owner, hour, project, plan, node, specification_key) DO UPDATE SET parts = usage_hour.parts + excluded.parts
  ), tasks AS (
    INSERT INTO usage_task_node_day (owner, day, task_id, node, specification_key, attempts, instances, failures, billed_ms, core_ms, nanos, rest)
    SELECT owner, date_trunc('day', counts_at, 'UTC'), task_id, node, specification_key, 0, 0, 0, 0, 0, sum(amount_nanos) + div(sum(amount_rest), ${PARTS_PER_NANO}), mod(sum(amount_rest), ${PARTS_PER_NANO})
    FROM added GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (owner, day, task_id, node, specification_key) DO UPDATE SET nanos = usage_task_node_day.nanos + excluded.nanos + (usage_task_node_day.rest + excluded.rest) / ${PARTS_PER_NANO},
      rest = (usage_task_node_day.rest + excluded.rest) % ${PARTS_PER_NANO}
  ) SELECT count(*) AS count FROM added`;

/** @throws Error when the log corrects a line that is not there: it would be broken */
export const correctLines = async (db: Queries, booked: BookedCorrections): Promise<void> => {
  const { lines, volumes, run, sequence, commitId, at, closedUntil, ratingId } = booked;
  const amounts = lines.map(({ parts }) => split(BigInt(parts)));
  const [added] = await db.query<{ count: string }[]>(CORRECT, [
    lines.map(({ taskId }) => taskId),
    lines.map(({ instance }) => instance),
    lines.map(({ attempt }) => attempt),
    amounts.map(({ nanos }) => String(nanos)),
    amounts.map(({ rest }) => String(rest)),
    lines.map(({ rule }) => rule),
    ...[run, sequence, commitId, new Date(closedUntil).toISOString()],
    new Date(Math.max(at, closedUntil)).toISOString(),
    lines.map(({ priceListVersion }) => priceListVersion),
  ]);
  if (Number(added?.count) !== lines.length)
    throw new Error(
      `rating ${ratingId} corrects ${lines.length} lines at sequence ${sequence}, and ${added?.count} of them are there`,
    );
  await db.query(
    `UPDATE month_usage SET gross_parts = gross_parts + parts FROM unnest($1::text[], $2::text[], $3::numeric[]) AS volume (owner, month, parts)
     WHERE month_usage.owner = volume.owner AND month_usage.month = volume.month`,
    [volumes.map(({ owner }) => owner), volumes.map(({ month }) => month), volumes.map(({ parts }) => parts)],
  );
};

export const insertClosed = async (db: Queries, closed: MonthClosed, sequence: number): Promise<void> => {
  await db.query('INSERT INTO closed_month (month, until_ms, closed_ms, sequence) VALUES ($1, $2, $3, $4)', [
    ...[closed.month, closed.until, Math.floor(closed.at), sequence],
  ]);
};
