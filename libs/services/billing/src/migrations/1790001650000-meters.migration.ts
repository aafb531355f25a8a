import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lines of the meters of storage, and what of these has no price yet. */
export class Meters1790001650000 implements MigrationInterface {
  readonly name = 'Meters1790001650000';

  async up(runner: QueryRunner): Promise<void> {
    // Quantities and amounts of buckets have no bound that a bigint would hold.
    await runner.query(`CREATE TABLE meter_line (
      sequence bigint NOT NULL,
      place integer NOT NULL,
      meter text NOT NULL,
      bucket text NOT NULL,
      owner text NOT NULL,
      project text NOT NULL,
      from_at timestamptz NOT NULL,
      until_at timestamptz NOT NULL,
      quantity numeric NOT NULL,
      amount_nanos numeric NOT NULL,
      amount_rest bigint NOT NULL,
      currency text NOT NULL,
      rule text NOT NULL,
      price_list_version integer NOT NULL,
      commit_id text NOT NULL,
      rated_sequence bigint NOT NULL,
      counts_at timestamptz NOT NULL,
      PRIMARY KEY (sequence, place, meter)
    )`);
    await runner.query('CREATE INDEX meter_line_counts_at ON meter_line (counts_at, owner)');
    await runner.query(`CREATE TABLE unrated_meter (
      sequence bigint NOT NULL,
      place integer NOT NULL,
      meter text NOT NULL,
      bucket text NOT NULL,
      owner text NOT NULL,
      project text NOT NULL,
      from_at timestamptz NOT NULL,
      until_at timestamptz NOT NULL,
      quantity numeric NOT NULL,
      commit_id text NOT NULL,
      told_at timestamptz NOT NULL,
      PRIMARY KEY (sequence, place, meter)
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['unrated_meter', 'meter_line']) await runner.query(`DROP TABLE ${table}`);
  }
}
