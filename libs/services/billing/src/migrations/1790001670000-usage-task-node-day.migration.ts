import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What each task used on each day (UTC) on each node: statements by task, tag and label, also together with node and hardware, read it in place of lines.
 * `usage_task_day`, which knows no nodes, stays for processes of before.
 */
export class UsageTaskNodeDay1790001670000 implements MigrationInterface {
  readonly name = 'UsageTaskNodeDay1790001670000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE usage_task_node_day (
      owner text NOT NULL,
      day timestamptz NOT NULL,
      task_id text NOT NULL,
      node text NOT NULL,
      specification_key text NOT NULL,
      attempts bigint NOT NULL,
      instances bigint NOT NULL,
      failures bigint NOT NULL,
      billed_ms bigint NOT NULL,
      core_ms bigint NOT NULL,
      nanos bigint NOT NULL,
      rest bigint NOT NULL,
      PRIMARY KEY (owner, day, task_id, node, specification_key)
    )`);
    await runner.query('CREATE INDEX usage_task_node_day_day ON usage_task_node_day (day)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE usage_task_node_day');
  }
}
