import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Unfinished tasks, nodes and quotas as the scheduler folds them: where a start begins, instead of at the beginning of the log. */
export class WorkTables1767225700000 implements MigrationInterface {
  readonly name = 'WorkTables1767225700000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE work_task (
      task_id text PRIMARY KEY,
      sequence bigint NOT NULL,
      submitted_at_sequence bigint NOT NULL,
      waiting_since bigint,
      context jsonb NOT NULL,
      state jsonb NOT NULL
    )`);
    await runner.query(
      'CREATE TABLE work_node (node_id text PRIMARY KEY, sequence bigint NOT NULL, state jsonb NOT NULL)',
    );
    await runner.query('CREATE TABLE work_quota (account_id text PRIMARY KEY, quotas jsonb NOT NULL)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE work_task, work_node, work_quota');
  }
}
