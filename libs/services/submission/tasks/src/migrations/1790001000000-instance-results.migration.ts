import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Names of results and the digest of their manifest. Instances that ended before have none. */
export class InstanceResults1790001000000 implements MigrationInterface {
  readonly name = 'InstanceResults1790001000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE completed_instance ADD COLUMN results jsonb NOT NULL DEFAULT '[]', ADD COLUMN manifest text`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE completed_instance DROP COLUMN results, DROP COLUMN manifest');
  }
}
