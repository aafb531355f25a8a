import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The manifests of parts, and the snapshots of a task. */
export class SnapshotManifests1790001410000 implements MigrationInterface {
  readonly name = 'SnapshotManifests1790001410000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE snapshot_part ADD COLUMN manifest text');
    await runner.query('CREATE INDEX snapshot_task ON snapshot (task_id, triggered_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX snapshot_task');
    await runner.query('ALTER TABLE snapshot_part DROP COLUMN manifest');
  }
}
