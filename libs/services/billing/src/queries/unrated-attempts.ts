import type { Queries } from '../projections/ledger-state.js';
import type { StatementScope } from './statement-sql.js';

/**
 * Attempts that had no price when their month was closed; those that have none yet, where it is not: so what a statement of a closed month says of them
 * stays the same. What is told of a closed month counts in the first one that was open then, as its line will. `$5`: as of a commit, or null.
 */
const UNRATED = `SELECT count(*) AS count FROM (
    SELECT task_id, owner, sequence, coalesce((attempt_end ->> 'startedAt')::numeric, (attempt_end ->> 'endedAt')::numeric) AS at_ms, NULL::bigint AS rated
    FROM unrated_attempt
    UNION ALL
    SELECT task_id, owner, sequence, extract(epoch FROM coalesce(started_at, ended_at)) * 1000, rated_sequence
    FROM bill_line WHERE run = 0 AND rated_sequence > sequence
  ) attempt JOIN usage_terms terms USING (task_id)
  CROSS JOIN LATERAL (
    SELECT greatest(at_ms, coalesce(max(until_ms), 0)) AS counts_ms FROM closed_month WHERE closed_month.sequence < attempt.sequence
  ) counted
  CROSS JOIN LATERAL (
    SELECT least(min(closed_month.sequence), $5::bigint) AS as_of FROM closed_month WHERE until_ms > counts_ms
  ) closing
  WHERE counts_ms >= $2::numeric AND counts_ms < $3::numeric AND (as_of IS NULL OR attempt.sequence <= as_of) AND (rated IS NULL OR rated > as_of)
  AND ($1::text[] IS NULL OR attempt.owner = ANY($1::text[])) AND ($4::text IS NULL OR coalesce(terms.project_uuid, terms.owner) = $4)`;

/** How many attempts of a period have no price. */
export const countUnrated = async (
  tx: Queries,
  { owners, from, to, project, through }: StatementScope,
): Promise<number> => {
  const values = [owners ?? null, from, to, project ?? null, through ?? null];
  const [found] = await tx.query<{ count: string }[]>(UNRATED, values);
  return Number(found?.count ?? 0);
};
