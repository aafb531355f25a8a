import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When the last stored message of output was sent: so it is noticed when the log stream goes back behind it. */
export class OutputTime1790000700000 implements MigrationInterface {
  readonly name = 'OutputTime1790000700000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE log_checkpoint ADD COLUMN sent_ns bigint NOT NULL DEFAULT 0');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE log_checkpoint DROP COLUMN sent_ns');
  }
}
