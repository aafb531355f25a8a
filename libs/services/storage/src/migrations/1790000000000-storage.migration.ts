import { LOCAL_INDEX_DOWN, LOCAL_INDEX_UP } from '@fornax/object-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The read model of buckets, and the index of the local object store. */
export class Storage1790000000000 implements MigrationInterface {
  readonly name = 'Storage1790000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE TABLE bucket (name text COLLATE "C" PRIMARY KEY, owner text NOT NULL, created_at timestamptz NOT NULL)',
    );
    await runner.query('CREATE INDEX bucket_owner ON bucket (owner, name)');
    for (const statement of LOCAL_INDEX_UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of LOCAL_INDEX_DOWN) await runner.query(statement);
    await runner.query('DROP TABLE bucket');
  }
}
