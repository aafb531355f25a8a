import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The digest of the list of inputs that an instance got. Instances that ended before have none. */
export class InstanceInputs1790001250000 implements MigrationInterface {
  readonly name = 'InstanceInputs1790001250000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE completed_instance ADD COLUMN inputs text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE completed_instance DROP COLUMN inputs');
  }
}
