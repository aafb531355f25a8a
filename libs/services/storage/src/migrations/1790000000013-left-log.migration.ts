import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where in the archive of the event log the commits lie that have left it. Made anew from the archive when it is lost. */
export class LeftLog1790000000013 implements MigrationInterface {
  readonly name = 'LeftLog1790000000013';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE TABLE archived_segment (epoch text, number int, last bigint NOT NULL, about jsonb NOT NULL, PRIMARY KEY (epoch, number))',
    );
    await runner.query('CREATE INDEX archived_segment_last ON archived_segment (epoch, last)');
    // `subject`: the first eight bytes of a hash of the log's epoch and a subject, or all subjects of an aggregate.
    await runner.query('CREATE TABLE archived_subject (subject bigint, segment int, PRIMARY KEY (subject, segment))');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE archived_subject, archived_segment');
  }
}
