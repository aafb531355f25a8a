import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When lines count, closed months, and how ratings that fail and ratings that are booked stand. */
export class Corrections1790001610000 implements MigrationInterface {
  readonly name = 'Corrections1790001610000';

  async up(runner: QueryRunner): Promise<void> {
    // Lines of before are folded anew.
    await runner.query(`ALTER TABLE bill_line ADD COLUMN counts_at timestamptz NOT NULL DEFAULT 'epoch'`);
    await runner.query('CREATE INDEX bill_line_counts_at ON bill_line (counts_at, owner)');
    await runner.query('CREATE INDEX bill_line_corrections ON bill_line (task_id, instance, attempt) WHERE run > 0');
    await runner.query(`CREATE TABLE closed_month (
      month text PRIMARY KEY,
      until_ms bigint NOT NULL,
      closed_ms bigint NOT NULL,
      sequence bigint NOT NULL
    )`);
    await runner.query('ALTER TABLE rating_run ADD COLUMN tries integer NOT NULL DEFAULT 0, ADD COLUMN reason text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE rating_run DROP COLUMN tries, DROP COLUMN reason');
    await runner.query('DROP TABLE closed_month');
    for (const index of ['bill_line_corrections', 'bill_line_counts_at']) await runner.query(`DROP INDEX ${index}`);
    await runner.query('ALTER TABLE bill_line DROP COLUMN counts_at');
  }
}
