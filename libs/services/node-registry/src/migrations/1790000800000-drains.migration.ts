import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who drained a node, when and why; unknown of drains that are older, until the projection is rebuilt. */
export class Drains1790000800000 implements MigrationInterface {
  readonly name = 'Drains1790000800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE node ADD COLUMN drained_at timestamptz, ADD COLUMN drained_by text, ADD COLUMN drain_reason text',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE node DROP COLUMN drained_at, DROP COLUMN drained_by, DROP COLUMN drain_reason');
  }
}
