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

export const storeCheckpoint = async (db: DataSource, name: string, { epoch, sequence }: Checkpoint): Promise<void> => {
  await db.query(
    `INSERT INTO projection_checkpoint (projection, epoch, sequence, updated_at) VALUES ($1, $2, $3, now())
     ON CONFLICT (projection) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence, updated_at = excluded.updated_at`,
    [name, epoch, sequence],
  );
};
