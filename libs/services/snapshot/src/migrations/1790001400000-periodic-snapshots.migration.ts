import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When periodic snapshots of a task are due, and which of its snapshots are periodic. */
export class PeriodicSnapshots1790001400000 implements MigrationInterface {
  readonly name = 'PeriodicSnapshots1790001400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE task_ref
      ADD COLUMN interval_s integer NOT NULL DEFAULT 0,
      ADD COLUMN planned_ms bigint,
      ADD COLUMN due_ms bigint`);
    await runner.query('CREATE INDEX task_ref_due ON task_ref (due_ms) WHERE due_ms IS NOT NULL');
    await runner.query('ALTER TABLE snapshot ADD COLUMN due_ms bigint');
    await runner.query(`CREATE INDEX snapshot_open_periodic ON snapshot (task_id)
      WHERE due_ms IS NOT NULL AND status IN ('triggered', 'inProgress')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX snapshot_open_periodic');
    await runner.query('DROP INDEX task_ref_due');
    await runner.query('ALTER TABLE snapshot DROP COLUMN due_ms');
    await runner.query('ALTER TABLE task_ref DROP COLUMN due_ms, DROP COLUMN planned_ms, DROP COLUMN interval_s');
  }
}
