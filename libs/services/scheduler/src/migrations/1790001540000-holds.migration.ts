import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whose credits or budgets are used up. */
export class Holds1790001540000 implements MigrationInterface {
  readonly name = 'Holds1790001540000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE work_hold (spending_id text PRIMARY KEY, hold jsonb NOT NULL)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE work_hold');
  }
}
