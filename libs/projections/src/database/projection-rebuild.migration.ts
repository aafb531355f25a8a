import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How far tables beside the live ones are folded, so that a rebuild that was killed goes on. Part of every service's schema. */
export class ProjectionRebuild1700000000000 implements MigrationInterface {
  readonly name = 'ProjectionRebuild1700000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE projection_rebuild (
        projection text PRIMARY KEY,
        epoch text NOT NULL,
        sequence bigint NOT NULL,
        stopped jsonb NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE projection_rebuild');
  }
}
