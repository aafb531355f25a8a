import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The order in which lines were rated, and what periods cost by other prices. */
export class Ratings1790001600000 implements MigrationInterface {
  readonly name = 'Ratings1790001600000';

  async up(runner: QueryRunner): Promise<void> {
    // Lines of before are folded anew; until then nobody rates them again.
    await runner.query(`ALTER TABLE bill_line ADD COLUMN is_last boolean NOT NULL DEFAULT true,
      ADD COLUMN rated_sequence bigint NOT NULL DEFAULT 0, ADD COLUMN rated_index integer NOT NULL DEFAULT 0`);
    await runner.query(`CREATE TABLE rating_run (
      id text PRIMARY KEY,
      created_at timestamptz NOT NULL,
      from_ms bigint NOT NULL,
      to_ms bigint NOT NULL,
      through bigint NOT NULL,
      list integer,
      prices jsonb,
      state text NOT NULL,
      total bigint NOT NULL,
      done bigint NOT NULL,
      unrated bigint NOT NULL
    )`);
    await runner.query(`CREATE TABLE rating_difference (
      run_id text NOT NULL REFERENCES rating_run ON DELETE CASCADE,
      project text NOT NULL,
      task_id text NOT NULL,
      attempts bigint NOT NULL,
      before_parts numeric NOT NULL,
      after_parts numeric NOT NULL,
      PRIMARY KEY (run_id, project, task_id)
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['rating_difference', 'rating_run']) await runner.query(`DROP TABLE ${table}`);
    await runner.query(
      'ALTER TABLE bill_line DROP COLUMN is_last, DROP COLUMN rated_sequence, DROP COLUMN rated_index',
    );
  }
}
