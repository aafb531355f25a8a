import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The base migration of every service's schema. */
export class ProjectionCheckpoint1700000000000 implements MigrationInterface {
  readonly name = 'ProjectionCheckpoint1700000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE projection_checkpoint (
        projection text PRIMARY KEY,
        epoch text NOT NULL,
        sequence bigint NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT now()
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE projection_checkpoint');
  }
}
