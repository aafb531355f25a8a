import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Places of the event log that operators have given up and that the stored fold has been told of, and when. */
export class GivenUpPlaces1790000900000 implements MigrationInterface {
  readonly name = 'GivenUpPlaces1790000900000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE work_given_up (
        epoch text NOT NULL,
        place text NOT NULL,
        told_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (epoch, place)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE work_given_up');
  }
}
