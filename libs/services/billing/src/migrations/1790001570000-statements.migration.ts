import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is used in each hour, tags and labels of what was submitted, and lines by their time. */
export class Statements1790001570000 implements MigrationInterface {
  readonly name = 'Statements1790001570000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE usage_terms ADD COLUMN tags jsonb NOT NULL DEFAULT '[]'`);
    await runner.query(`ALTER TABLE usage_terms ADD COLUMN labels jsonb NOT NULL DEFAULT '{}'`);
    await runner.query('CREATE INDEX bill_line_time ON bill_line ((coalesce(started_at, ended_at)), owner)');
    await runner.query(`CREATE TABLE usage_hour (
      owner text NOT NULL,
      hour timestamptz NOT NULL,
      project text NOT NULL,
      plan text NOT NULL,
      node text NOT NULL,
      specification_key text NOT NULL,
      attempts bigint NOT NULL,
      instances bigint NOT NULL,
      failures bigint NOT NULL,
      billed_ms bigint NOT NULL,
      core_ms numeric NOT NULL,
      parts numeric NOT NULL,
      PRIMARY KEY (owner, hour, project, plan, node, specification_key)
    )`);
    await runner.query('CREATE INDEX usage_hour_hour ON usage_hour (hour)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE usage_hour');
    await runner.query('DROP INDEX bill_line_time');
    await runner.query('ALTER TABLE usage_terms DROP COLUMN labels, DROP COLUMN tags');
  }
}
