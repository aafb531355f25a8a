import type { DamagedPlace } from '@fornax/event-store';
import { outdateRows } from '@fornax/projections';
import type { DataSource } from 'typeorm';

/**
 * Tells the stored fold which places of the log operators have given up. Rows that were folded as far as one that they have not been told of may be
 * made of what the log does not have any more: they are folded anew from what is left, and nobody begins with them until then. Nobody but the
 * scheduler reads them, so nobody has to decide that, as somebody has to of read models. Safe to repeat.
 * @returns for how long the last one has been known here, in milliseconds, by the database's clock alone; undefined when there is none
 */
export const tellGivenUp = (
  db: DataSource,
  epoch: string,
  places: readonly DamagedPlace[],
): Promise<number | undefined> =>
  db.transaction(async (tx) => {
    const ids = places.map(({ id }) => id);
    const added = await tx.query<{ readonly place: string }[]>(
      'INSERT INTO work_given_up (epoch, place) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING RETURNING place',
      [epoch, ids],
    );
    const news = new Set(added.map(({ place }) => place));
    const first = Math.min(...places.filter(({ id }) => news.has(id)).map(({ from }) => from));
    if (Number.isFinite(first)) await outdateRows(tx, ['work'], first);
    const [last] = await tx.query<{ readonly ago_ms: number | null }[]>(
      `SELECT extract(epoch FROM clock_timestamp() - max(told_at))::float8 * 1000 AS ago_ms FROM work_given_up
       WHERE epoch = $1 AND place = ANY($2::text[])`,
      [epoch, ids],
    );
    return last?.ago_ms ?? undefined;
  });
