import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Answers are kept as the text that was sent: `jsonb` sorts keys, writes numbers anew and has no place for some characters. */
export class ExactAnswers1790000810000 implements MigrationInterface {
  readonly name = 'ExactAnswers1790000810000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE idempotency_key ALTER COLUMN answer TYPE json USING answer::text::json');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE idempotency_key ALTER COLUMN answer TYPE jsonb USING answer::text::jsonb');
  }
}
