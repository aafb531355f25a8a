import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How many instances tasks have, and when their jobs end, so that what they will cost can be told. Processes of the release before leave it out. */
export class Forecast1790001630000 implements MigrationInterface {
  readonly name = 'Forecast1790001630000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE usage_cores ADD COLUMN instances bigint NOT NULL DEFAULT 0,
      ADD COLUMN unrun bigint NOT NULL DEFAULT 0, ADD COLUMN job_id text, ADD COLUMN in_pool boolean NOT NULL DEFAULT false`);
    await runner.query('CREATE TABLE job_deadline (job_id text PRIMARY KEY, ends_ms bigint NOT NULL)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE job_deadline');
    await runner.query(
      'ALTER TABLE usage_cores DROP COLUMN instances, DROP COLUMN unrun, DROP COLUMN job_id, DROP COLUMN in_pool',
    );
  }
}
