import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which log a service's rows belong to, and how far it was when it was last seen. One row at most. Part of every service's schema. */
export class LogMark1700000000100 implements MigrationInterface {
  readonly name = 'LogMark1700000000100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE log_mark (
        is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
        epoch text NOT NULL,
        sequence bigint NOT NULL,
        message_id text,
        accepted_at timestamptz,
        updated_at timestamptz NOT NULL DEFAULT now()
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE log_mark');
  }
}
