import type { RecordedCommit } from '@fornax/contracts';
import { isFoldError, reasonOf } from '@fornax/event-store';
import type { EntityManager } from 'typeorm';
import type { Projection } from './projection.js';

/** An aggregate that a projection leaves as it was before a commit, because writing that commit fails. */
export interface StoppedAggregate {
  readonly aggregate: string;
  readonly aggregateId: string;
  readonly sequence: number;
  readonly reason: string;
}

type Key = Pick<StoppedAggregate, 'aggregate' | 'aggregateId'>;
export const keyOf = ({ aggregate, aggregateId }: Key): string => `${aggregate}/${aggregateId}`;

/**
 * Writes what can be written of a batch. A batch that fails is halved until one commit is left to blame; that one's aggregate stops there,
 * and what comes later of it is left out. So the rows are those of a fold one by one, whatever the batches were.
 * @param stopped keys of the aggregates that stand already; those that stop now are added
 * @returns those that stop now
 * @throws whatever is no fault of the data: the caller's transaction is lost then, and tried again
 */
export const writeCarefully = async (
  tx: EntityManager,
  projection: Projection,
  batch: readonly RecordedCommit[],
  stopped: Set<string>,
): Promise<readonly StoppedAggregate[]> => {
  const fresh = batch.filter((commit) => !stopped.has(keyOf(commit)));
  const [first] = fresh;
  if (first === undefined) return [];
  await tx.query('SAVEPOINT fold');
  try {
    await projection.write(tx, fresh);
    await tx.query('RELEASE SAVEPOINT fold');
    return [];
  } catch (error) {
    if (!isFoldError(error)) throw error;
    // Fails when the connection is what was wrong.
    await tx.query('ROLLBACK TO SAVEPOINT fold');
    if (fresh.length === 1) {
      const { aggregate, aggregateId, sequence } = first;
      stopped.add(keyOf(first));
      return [{ aggregate, aggregateId, sequence, reason: reasonOf(error) }];
    }
    const middle = fresh.length >> 1;
    const left = await writeCarefully(tx, projection, fresh.slice(0, middle), stopped);
    return [...left, ...(await writeCarefully(tx, projection, fresh.slice(middle), stopped))];
  }
};

interface Row {
  readonly aggregate: string;
  readonly aggregate_id: string;
  readonly sequence: string;
  readonly reason: string;
}

export const readStopped = async (db: EntityManager, projection: string): Promise<readonly StoppedAggregate[]> => {
  const rows = await db.query<readonly Row[]>(
    'SELECT aggregate, aggregate_id, sequence, reason FROM projection_stopped WHERE projection = $1 ORDER BY sequence',
    [projection],
  );
  return rows.map(({ aggregate, aggregate_id: aggregateId, sequence, reason }) => ({
    aggregate,
    aggregateId,
    sequence: Number(sequence),
    reason,
  }));
};

export const addStopped = async (
  tx: EntityManager,
  projection: string,
  stopped: readonly StoppedAggregate[],
): Promise<void> => {
  if (stopped.length === 0) return;
  await tx.query(
    `INSERT INTO projection_stopped (projection, aggregate, aggregate_id, sequence, reason)
     SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[]) ON CONFLICT DO NOTHING`,
    [
      projection,
      stopped.map(({ aggregate }) => aggregate),
      stopped.map(({ aggregateId }) => aggregateId),
      stopped.map(({ sequence }) => sequence),
      stopped.map(({ reason }) => reason.replaceAll('\0', '')),
    ],
  );
  await tx.query('UPDATE projection_checkpoint SET has_stopped = true WHERE projection = $1', [projection]);
};

/** After a rebuild, which begins without any. */
export const replaceStopped = async (
  tx: EntityManager,
  projection: string,
  stopped: readonly StoppedAggregate[],
): Promise<void> => {
  await tx.query('DELETE FROM projection_stopped WHERE projection = $1', [projection]);
  await tx.query('UPDATE projection_checkpoint SET has_stopped = false WHERE projection = $1', [projection]);
  await addStopped(tx, projection, stopped);
};
