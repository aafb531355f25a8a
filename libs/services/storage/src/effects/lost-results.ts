import type { Sql } from '@fornax/object-store';

/**
 * Notes that results of leases went with their bucket, in the transaction that drops them.
 * @param staged prefixes of the staging area, `<task>/<lease>/<bucket>/`
 */
export const noteLostResults = async (sql: Sql, staged: readonly string[]): Promise<void> => {
  const lost = staged.map((prefix) => prefix.split('/'));
  await sql.query(
    `INSERT INTO lost_result (lease_id, task_id, bucket)
      SELECT lease_id, task_id, bucket FROM unnest($1::text[], $2::text[], $3::text[]) AS lost (lease_id, task_id, bucket) ON CONFLICT DO NOTHING`,
    [lost.map(([, lease = '']) => lease), lost.map(([task = '']) => task), lost.map(([, , bucket = '']) => bucket)],
  );
};

/** The bucket that results of a lease went with; undefined when none did. */
export const lostResultsOf = async (sql: Sql, leaseId: string): Promise<string | undefined> => {
  const [row] = (await sql.query('SELECT bucket FROM lost_result WHERE lease_id = $1 LIMIT 1', [leaseId])) as {
    readonly bucket: string;
  }[];
  return row?.bucket;
};

/** Forgets what was noted of leases that are over, or of all leases of a task. @param dropped prefixes of the staging area */
export const forgetLostResults = async (sql: Sql, dropped: readonly string[]): Promise<void> => {
  const parts = dropped.map((prefix) => prefix.split('/'));
  const [tasks, leases] = [
    parts.flatMap(([task = '', lease = '']) => (lease === '' ? [task] : [])),
    parts.flatMap(([, lease = '']) => (lease === '' ? [] : [lease])),
  ];
  await sql.query('DELETE FROM lost_result WHERE lease_id = ANY ($1::text[]) OR task_id = ANY ($2::text[])', [
    leases,
    tasks,
  ]);
};
