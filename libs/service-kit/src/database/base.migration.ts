import type { MigrationInterface, QueryRunner } from 'typeorm';

/** In every service's schema: how far each projection has come, in which log. */
export class ProjectionCheckpoint1767225600000 implements MigrationInterface {
  readonly name = 'ProjectionCheckpoint1767225600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE IF NOT EXISTS projection_checkpoint (
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
