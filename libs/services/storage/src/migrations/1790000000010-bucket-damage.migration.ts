import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Objects that scrubs found damaged. */
export class BucketDamage1790000000010 implements MigrationInterface {
  readonly name = 'BucketDamage1790000000010';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE bucket_damage (bucket text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, etag text NOT NULL, reason text NOT NULL,
        found_at timestamptz NOT NULL, PRIMARY KEY (bucket, key))`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE bucket_damage');
  }
}
