import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who belongs to which organization, beside the quotas. Nobody did before this. */
export class Organisations1790000600000 implements MigrationInterface {
  readonly name = 'Organisations1790000600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE work_quota ADD COLUMN organisation_id text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE work_quota DROP COLUMN organisation_id');
  }
}
