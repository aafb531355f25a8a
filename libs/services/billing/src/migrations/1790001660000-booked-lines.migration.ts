import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How far the booking of a rating is. */
export class BookedLines1790001660000 implements MigrationInterface {
  readonly name = 'BookedLines1790001660000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE rating_run ADD COLUMN booked bigint NOT NULL DEFAULT 0');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE rating_run DROP COLUMN booked');
  }
}
