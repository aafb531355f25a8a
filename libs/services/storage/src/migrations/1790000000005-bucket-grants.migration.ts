import type { MigrationInterface, QueryRunner } from 'typeorm';

/** With whom buckets are shared, and the projects that they belong to. */
export class BucketGrants1790000000005 implements MigrationInterface {
  readonly name = 'BucketGrants1790000000005';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE bucket ADD COLUMN project text');
    await runner.query(
      `CREATE TABLE bucket_grant (
        bucket text COLLATE "C" NOT NULL,
        grantee_kind text NOT NULL,
        grantee_id text NOT NULL,
        access text NOT NULL,
        granted_at timestamptz NOT NULL,
        PRIMARY KEY (bucket, grantee_kind, grantee_id))`,
    );
    await runner.query('CREATE INDEX bucket_grant_grantee ON bucket_grant (grantee_id, grantee_kind, bucket)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE bucket_grant');
    await runner.query('ALTER TABLE bucket DROP COLUMN project');
  }
}
