import type { DataSource } from 'typeorm';

export interface Checkpoint {
  readonly epoch: string;
  readonly sequence: number;
}

/** Reads a row of `projection_checkpoint` in the service's schema. */
export const loadCheckpoint = async (db: DataSource, name: string): Promise<Checkpoint | undefined> => {
  const rows = await db.query<{ epoch: string; sequence: string }[]>(
    'SELECT epoch, sequence FROM projection_checkpoint WHERE projection = $1',
    [name],
  );
  const [row] = rows;
  return row && { epoch: row.epoch, sequence: Number(row.sequence) };
};

/** Does not wait for the disk: what is lost with the machine's power is handled again, as after every crash between a batch and its checkpoint. */
export const storeCheckpoint = async (db: DataSource, name: string, { epoch, sequence }: Checkpoint): Promise<void> => {
  await db.query(
    `INSERT INTO projection_checkpoint (projection, epoch, sequence, updated_at)
       SELECT $1::text, $2::text, $3::bigint, now() FROM set_config('synchronous_commit', 'off', true)
     ON CONFLICT (projection) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence, updated_at = excluded.updated_at`,
    [name, epoch, sequence],
  );
};
