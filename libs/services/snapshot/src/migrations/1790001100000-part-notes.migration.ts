import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a part of a snapshot left out, in words. */
export class PartNotes1790001100000 implements MigrationInterface {
  readonly name = 'PartNotes1790001100000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE snapshot_part ADD COLUMN notes jsonb NOT NULL DEFAULT '[]'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE snapshot_part DROP COLUMN notes');
  }
}
