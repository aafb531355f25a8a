import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which commits of snapshots belong to the history of which task. */
export class History1790000300000 implements MigrationInterface {
  readonly name = 'History1790000300000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE task_snapshot_commit (
      task_id text NOT NULL,
      sequence bigint NOT NULL,
      snapshot_id text NOT NULL,
      at_ms bigint NOT NULL,
      is_completion boolean NOT NULL,
      PRIMARY KEY (task_id, sequence)
    )`);
    await runner.query('CREATE INDEX task_snapshot_commit_by_snapshot ON task_snapshot_commit (snapshot_id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE task_snapshot_commit');
  }
}
