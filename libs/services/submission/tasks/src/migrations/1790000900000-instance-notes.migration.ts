import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What nodes tell of an instance though it is no failure. Instances that ended before have none. */
export class InstanceNotes1790000900000 implements MigrationInterface {
  readonly name = 'InstanceNotes1790000900000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE completed_instance ADD COLUMN notes jsonb NOT NULL DEFAULT '[]'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE completed_instance DROP COLUMN notes');
  }
}
