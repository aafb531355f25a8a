import type { RecordedCommit } from '@fornax/contracts';
import { forgetObjects } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import type { Shortnames } from '../commands/shortnames.js';

/** What is kept of objects besides their rows. */
export interface Kept {
  readonly db: DataSource;
  readonly names: Shortnames;
}

/** Deletes what goes with deleted objects besides their rows: remembered answers, and the hold on their names. @param event what says that one is gone */
export const forgetDeleted = async (
  event: RecordedCommit['events'][number]['type'],
  batch: readonly RecordedCommit[],
  { db, names }: Kept,
): Promise<void> => {
  const gone = batch.filter(({ events }) => events.some(({ type }) => type === event));
  if (gone.length === 0) return;
  const ids = gone.map(({ aggregateId }) => aggregateId);
  await db.transaction(async (tx) => {
    await forgetObjects(tx, ids);
    await names.forget(tx, ids);
  });
};
