import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is on nodes now, so that its cost so far can be told. */
export class Running1790001510000 implements MigrationInterface {
  readonly name = 'Running1790001510000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE usage_cores (task_id text PRIMARY KEY, cores double precision NOT NULL)');
    await runner.query(`CREATE TABLE running_attempt (
      task_id text NOT NULL,
      lease_id text NOT NULL,
      node text NOT NULL,
      started_ms bigint,
      PRIMARY KEY (task_id, lease_id)
    )`);
    await runner.query(`CREATE TABLE node_hardware (
      node text PRIMARY KEY,
      specification_key text NOT NULL,
      cpu_model text NOT NULL,
      cores double precision NOT NULL,
      ghz double precision NOT NULL
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['node_hardware', 'running_attempt', 'usage_cores']) await runner.query(`DROP TABLE ${table}`);
  }
}
