import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was booked on credits, apart from what is compared with what was used at each look. */
export class CreditEntries1790001590000 implements MigrationInterface {
  readonly name = 'CreditEntries1790001590000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE credit_entry (
      spending_id text NOT NULL,
      sequence bigint NOT NULL,
      entry_id text NOT NULL,
      kind text NOT NULL,
      micros bigint NOT NULL,
      note text NOT NULL,
      at_ms bigint NOT NULL,
      PRIMARY KEY (spending_id, sequence)
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE credit_entry');
  }
}
