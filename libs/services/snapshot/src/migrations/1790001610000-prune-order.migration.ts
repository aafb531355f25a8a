import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where in the log a snapshot was to be pruned: who named it before keeps it. */
export class PruneOrder1790001610000 implements MigrationInterface {
  readonly name = 'PruneOrder1790001610000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE snapshot ADD COLUMN prune_sequence bigint');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE snapshot DROP COLUMN prune_sequence');
  }
}
