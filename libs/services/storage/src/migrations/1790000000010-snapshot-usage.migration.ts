import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SNAPSHOTS_BUCKET } from '../model/bucket-names.js';

/** Files of snapshots by the bucket that they count against. */
export class SnapshotUsage1790000000010 implements MigrationInterface {
  readonly name = 'SnapshotUsage1790000000010';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX object_snapshot_bucket ON object (split_part(key, '/', 4)) WHERE bucket = '${SNAPSHOTS_BUCKET}'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX object_snapshot_bucket');
  }
}
