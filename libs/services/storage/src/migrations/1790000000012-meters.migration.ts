import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What buckets hold, what they used in each part of time that is not told yet, and what of that is on its way into the log. */
export class Meters1790000000012 implements MigrationInterface {
  readonly name = 'Meters1790000000012';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE meter_sample (bucket text COLLATE "C" PRIMARY KEY, owner text NOT NULL, project text NOT NULL, created_ms bigint NOT NULL, bytes bigint NOT NULL,
        sampled_s bigint NOT NULL)`,
    );
    await runner.query(
      `CREATE TABLE meter_slot (from_ms bigint NOT NULL, until_ms bigint NOT NULL, bucket text COLLATE "C" NOT NULL, owner text NOT NULL, project text NOT NULL,
        byte_seconds numeric NOT NULL, bytes_out numeric NOT NULL, PRIMARY KEY (from_ms, until_ms, bucket, owner, project))`,
    );
    await runner.query('CREATE TABLE meter_part (part bigint PRIMARY KEY, until_ms bigint NOT NULL, readings jsonb)');
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['meter_part', 'meter_slot', 'meter_sample']) await runner.query(`DROP TABLE ${table}`);
  }
}
