import type { Sql, Usage } from '../port/object-store.js';
import { countOf, rowsOf, textOf } from './rows.js';
import type { IndexDatabase } from './store-folder.js';

/** By how much the counters of a bucket were wrong: what the rows have more than they said. */
export interface UsageDifference extends Usage {
  readonly bucket: string;
}

export interface UsageReconciliation {
  readonly buckets: number;
  readonly differences: readonly UsageDifference[];
}

const PAGE = 100;
/** One at a time: two would both add what is missing. Taken in a statement of its own, so that the next one sees what the one before has added. */
const LOCK = `SELECT pg_advisory_xact_lock(hashtextextended('fornax object usage ' || current_schema(), 0))`;
/** One statement, so one snapshot: whoever stores or deletes meanwhile changes rows and counters together. */
const REPAIR = `WITH counted AS (SELECT bucket, count(*) AS objects, sum(size) AS bytes FROM object WHERE bucket = ANY ($1::text[]) GROUP BY bucket),
  noted AS (SELECT bucket, sum(objects) AS objects, sum(bytes) AS bytes FROM object_usage WHERE bucket = ANY ($1::text[]) GROUP BY bucket),
  difference AS (SELECT bucket, coalesce(counted.objects, 0) - coalesce(noted.objects, 0) AS objects,
      coalesce(counted.bytes, 0) - coalesce(noted.bytes, 0) AS bytes
    FROM counted FULL JOIN noted USING (bucket)),
  wrong AS (SELECT * FROM difference WHERE objects <> 0 OR bytes <> 0),
  repaired AS (INSERT INTO object_usage (bucket, objects, bytes) SELECT bucket, objects, bytes FROM wrong)
  SELECT * FROM wrong ORDER BY bucket`;

/** Compares the counters of all buckets with the rows of their objects, a hundred buckets at a time, and makes them what these say. */
export const reconcileUsage = async (index: IndexDatabase, signal?: AbortSignal): Promise<UsageReconciliation> => {
  const differences: UsageDifference[] = [];
  let [buckets, after] = [0, ''];
  for (;;) {
    signal?.throwIfAborted();
    const names = await namesBehind(index, after);
    if (names.length > 0) differences.push(...(await index.transaction((tx) => repair(tx, names))));
    buckets += names.length;
    after = names.at(-1) ?? after;
    if (names.length < PAGE) return { buckets, differences };
  }
};

const namesBehind = async (index: Sql, after: string): Promise<readonly string[]> => {
  const rows = await rowsOf(
    index,
    `SELECT name FROM (SELECT name FROM object_bucket UNION SELECT bucket FROM object_usage) AS known (name)
      WHERE name > $1 ORDER BY name LIMIT ${PAGE}`,
    [after],
  );
  return rows.map((row) => textOf(row, 'name'));
};

const repair = async (tx: Sql, names: readonly string[]): Promise<readonly UsageDifference[]> => {
  await tx.query(LOCK);
  const rows = await rowsOf(tx, REPAIR, [names]);
  return rows.map((row) => ({
    bucket: textOf(row, 'bucket'),
    objects: countOf(row, 'objects'),
    bytes: countOf(row, 'bytes'),
  }));
};
