import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Numbers the accesses of each account, so that the newest are kept without counting them. The rows are folded anew, with their numbers. */
export class NumberedAccesses1790001650000 implements MigrationInterface {
  readonly name = 'NumberedAccesses1790001650000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE secret_access_count (
      owner text PRIMARY KEY,
      accesses bigint NOT NULL
    )`);
    await runner.query('ALTER TABLE secret_access ADD COLUMN number bigint');
    await runner.query('CREATE INDEX secret_access_by_number ON secret_access (owner, number)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE secret_access DROP COLUMN number');
    await runner.query('DROP TABLE secret_access_count');
  }
}
