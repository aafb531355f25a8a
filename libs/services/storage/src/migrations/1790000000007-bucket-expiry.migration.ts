import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How long objects stay, by bucket and prefix, and what was over so far. */
export class BucketExpiry1790000000007 implements MigrationInterface {
  readonly name = 'BucketExpiry1790000000007';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE bucket_expiry (bucket text COLLATE "C" NOT NULL, prefix text COLLATE "C" NOT NULL, after_seconds bigint NOT NULL,
        expired_objects bigint NOT NULL DEFAULT 0, expired_bytes bigint NOT NULL DEFAULT 0, expired_at timestamptz,
        PRIMARY KEY (bucket, prefix))`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE bucket_expiry');
  }
}
