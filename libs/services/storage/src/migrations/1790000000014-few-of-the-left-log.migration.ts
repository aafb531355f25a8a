import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Commits that have left the event log, of kinds that have few and are read from the first one at each start. Made anew from the archive. */
export class FewOfTheLeftLog1790000000014 implements MigrationInterface {
  readonly name = 'FewOfTheLeftLog1790000000014';

  async up(runner: QueryRunner): Promise<void> {
    // `kind` and `subject` are hashes as in `archived_subject`.
    await runner.query(
      'CREATE TABLE archived_message (epoch text, sequence bigint, kind bigint NOT NULL, subject bigint NOT NULL, record bytea NOT NULL, PRIMARY KEY (epoch, sequence))',
    );
    await runner.query('CREATE INDEX archived_message_kind ON archived_message (kind, sequence)');
    await runner.query('CREATE INDEX archived_message_subject ON archived_message (subject, sequence)');
    // What was taken in before, or is by an older release that still runs, has no such commits: it is taken in once more.
    await runner.query('ALTER TABLE archived_segment ADD COLUMN has_few boolean NOT NULL DEFAULT false');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE archived_segment DROP COLUMN has_few');
    await runner.query('DROP TABLE archived_message');
  }
}
