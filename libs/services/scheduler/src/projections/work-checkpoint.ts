import type { DataSource } from 'typeorm';
import type { ViewCheckpoint } from '../leader/view-source.js';
import { restoreAll } from './work-rows.js';

interface CheckpointRow {
  readonly epoch: string;
  readonly sequence: string;
}

/** Reads the `work` projection and its checkpoint as one consistent picture. */
export const workCheckpoint = (db: DataSource): ViewCheckpoint => ({
  load: (view) =>
    db.transaction('REPEATABLE READ', async (tx) => {
      const [row] = await tx.query<CheckpointRow[]>(
        'SELECT epoch, sequence FROM projection_checkpoint WHERE projection = $1',
        ['work'],
      );
      if (!row) return undefined;
      await restoreAll(tx, view);
      return { epoch: row.epoch, sequence: Number(row.sequence) };
    }),
});
