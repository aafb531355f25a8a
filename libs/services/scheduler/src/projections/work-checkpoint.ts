import { readPosition } from '@fornax/projections';
import type { DataSource } from 'typeorm';
import type { ViewCheckpoint } from '../leader/view-source.js';
import { restoreAll } from './work-rows.js';
import { WORK_VERSION } from './work.projection.js';

/**
 * Reads the `work` projection and its checkpoint as one consistent picture. Rows of another version are none: they are being folded again, and
 * the log is there.
 */
export const workCheckpoint = (db: DataSource): ViewCheckpoint => ({
  load: (view) =>
    db.transaction('REPEATABLE READ', async (tx) => {
      const position = await readPosition(tx, 'work');
      if (position?.version !== WORK_VERSION) return undefined;
      await restoreAll(tx, view);
      return { epoch: position.epoch, sequence: position.sequence };
    }),
});
