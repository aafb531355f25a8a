import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The folder of results that an instance has for itself; null where it is that of its task. */
export class InstanceFolder1790001100000 implements MigrationInterface {
  readonly name = 'InstanceFolder1790001100000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE completed_instance ADD COLUMN folder text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE completed_instance DROP COLUMN folder');
  }
}
