import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lines of attempts that waited for a price, and ratings whose difference could not be booked. */
export class RatedLater1790001640000 implements MigrationInterface {
  readonly name = 'RatedLater1790001640000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE INDEX bill_line_rated_later ON bill_line (task_id) WHERE run = 0 AND rated_sequence > sequence',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX bill_line_rated_later');
  }
}
