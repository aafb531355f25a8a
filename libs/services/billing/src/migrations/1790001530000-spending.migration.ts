import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What projects use on each day, and the folds of credits and budgets. */
export class Spending1790001530000 implements MigrationInterface {
  readonly name = 'Spending1790001530000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE project_day (
      project_uuid text NOT NULL,
      day text NOT NULL,
      net_parts numeric NOT NULL,
      PRIMARY KEY (project_uuid, day)
    )`);
    await runner.query(`CREATE TABLE spending (
      spending_id text PRIMARY KEY,
      kind text NOT NULL,
      project_id text,
      state jsonb NOT NULL
    )`);
    await runner.query('CREATE INDEX spending_project ON spending (project_id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['spending', 'project_day']) await runner.query(`DROP TABLE ${table}`);
  }
}
