import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Aggregates that a projection leaves where they stood, because its fold throws on them. Part of every service's schema. */
export class ProjectionStopped1700000000000 implements MigrationInterface {
  readonly name = 'ProjectionStopped1700000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE projection_stopped (
        projection text NOT NULL,
        aggregate text NOT NULL,
        aggregate_id text NOT NULL,
        sequence bigint NOT NULL,
        reason text NOT NULL,
        PRIMARY KEY (projection, aggregate, aggregate_id)
      )`);
    await runner.query('ALTER TABLE projection_checkpoint ADD COLUMN has_stopped boolean NOT NULL DEFAULT false');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE projection_checkpoint DROP COLUMN has_stopped');
    await runner.query('DROP TABLE projection_stopped');
  }
}
