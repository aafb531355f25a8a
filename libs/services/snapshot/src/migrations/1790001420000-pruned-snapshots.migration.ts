import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which snapshots are pruned, which tasks say how many are kept, and which instances are about to begin with one. */
export class PrunedSnapshots1790001420000 implements MigrationInterface {
  readonly name = 'PrunedSnapshots1790001420000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE snapshot
      ADD COLUMN sequence bigint NOT NULL DEFAULT 0,
      ADD COLUMN prune_cause text,
      ADD COLUMN prune_requested_ms bigint,
      ADD COLUMN pruned_ms bigint`);
    await runner.query(`CREATE INDEX snapshot_pruning ON snapshot (snapshot_id) WHERE status = 'pruning'`);
    await runner.query('ALTER TABLE snapshot_part ADD COLUMN is_done boolean NOT NULL DEFAULT false');
    await runner.query('CREATE INDEX snapshot_part_instance ON snapshot_part (snapshot_id, instance)');
    await runner.query(`ALTER TABLE task_ref
      ADD COLUMN retention jsonb,
      ADD COLUMN resumes boolean NOT NULL DEFAULT false,
      ADD COLUMN origin_task text`);
    await runner.query('CREATE INDEX task_ref_retention ON task_ref (task_id) WHERE retention IS NOT NULL');
    await runner.query(`CREATE TABLE resuming_lease (
      source_task text NOT NULL,
      instance integer NOT NULL,
      lease_id text NOT NULL,
      PRIMARY KEY (source_task, instance, lease_id)
    )`);
    await runner.query('CREATE INDEX resuming_lease_id ON resuming_lease (lease_id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE resuming_lease');
    await runner.query('DROP INDEX task_ref_retention');
    await runner.query('ALTER TABLE task_ref DROP COLUMN origin_task, DROP COLUMN resumes, DROP COLUMN retention');
    await runner.query('DROP INDEX snapshot_part_instance');
    await runner.query('ALTER TABLE snapshot_part DROP COLUMN is_done');
    await runner.query('DROP INDEX snapshot_pruning');
    await runner.query(
      'ALTER TABLE snapshot DROP COLUMN pruned_ms, DROP COLUMN prune_requested_ms, DROP COLUMN prune_cause, DROP COLUMN sequence',
    );
  }
}
