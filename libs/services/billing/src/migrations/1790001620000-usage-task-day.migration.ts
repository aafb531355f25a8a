import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What each task used on each day (UTC): statements by task, tag and label read it in place of lines. */
export class UsageTaskDay1790001620000 implements MigrationInterface {
  readonly name = 'UsageTaskDay1790001620000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE usage_task_day (
      owner text NOT NULL,
      day timestamptz NOT NULL,
      task_id text NOT NULL,
      attempts bigint NOT NULL,
      instances bigint NOT NULL,
      failures bigint NOT NULL,
      billed_ms bigint NOT NULL,
      core_ms bigint NOT NULL,
      nanos bigint NOT NULL,
      rest bigint NOT NULL,
      PRIMARY KEY (owner, day, task_id)
    )`);
    await runner.query('CREATE INDEX usage_task_day_day ON usage_task_day (day)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE usage_task_day');
  }
}
