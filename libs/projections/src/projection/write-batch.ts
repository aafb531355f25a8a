import type { RecordedCommit } from '@fornax/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { lockAndAdvance, lockCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { Projection } from './projection.js';
import { type StoppedAggregate, addStopped, keyOf, writeCarefully } from './stopped-aggregates.js';

/** The checkpoint was moved back or to another log by somebody else: begin again from where it stands. */
export class CheckpointMoved extends Error {}

/** How far the rows are after a batch. */
export interface Applied {
  readonly sequence: number;
  /** Aggregates that stopped at a commit of the batch. */
  readonly stopped: readonly StoppedAggregate[];
}

/** Where whoever writes has left the rows: in which log, and up to where at least. */
export interface LeftAt {
  readonly epoch: string;
  readonly from: number;
}

/**
 * Writes a batch and the checkpoint in one transaction: three statements (begin, lock and advance, commit) beside those of the projection.
 * @param batch not empty, in order
 * @throws CheckpointMoved, and whatever the projection throws: nothing was written then
 */
export const writeBatch = (
  db: DataSource,
  projection: Projection,
  leftAt: LeftAt,
  batch: readonly RecordedCommit[],
): Promise<Applied> =>
  db.transaction(async (tx) => {
    const to = lastOf(batch);
    const from = await lockAndAdvance(tx, projection, { ...leftAt, to });
    if (from === undefined) return writeLocked(tx, projection, leftAt, batch, false);
    // Another replica may have written some of these.
    await projection.write(
      tx,
      batch.filter(({ sequence }) => sequence > from),
    );
    return { sequence: to, stopped: [] };
  });

/** The same for a batch with a commit that cannot be folded: its aggregate stops there, the others are written. */
export const writeBatchCarefully = (
  db: DataSource,
  projection: Projection,
  leftAt: LeftAt,
  batch: readonly RecordedCommit[],
): Promise<Applied> => db.transaction((tx) => writeLocked(tx, projection, leftAt, batch, true));

const lastOf = (batch: readonly RecordedCommit[]): number => batch.at(-1)?.sequence ?? 0;

const writeLocked = async (
  tx: EntityManager,
  projection: Projection,
  { epoch, from }: LeftAt,
  batch: readonly RecordedCommit[],
  isCareful: boolean,
): Promise<Applied> => {
  const checkpoint = await lockCheckpoint(tx, projection.name);
  const isOurs = checkpoint?.epoch === epoch && checkpoint.version === projection.version;
  if (!isOurs || checkpoint.sequence < from) throw new CheckpointMoved();
  const last = lastOf(batch);
  if (last <= checkpoint.sequence) return { sequence: checkpoint.sequence, stopped: [] };
  const out = new Set(checkpoint.stopped);
  const fresh = batch.filter((one) => one.sequence > checkpoint.sequence && !out.has(keyOf(one)));
  const stopped = isCareful ? await writeCarefully(tx, projection, fresh, out) : [];
  if (!isCareful && fresh.length > 0) await projection.write(tx, fresh);
  await addStopped(tx, projection.name, stopped);
  await writeCheckpoint(tx, projection, { epoch, sequence: last });
  return { sequence: last, stopped };
};
