import { USAGE_INDEX_DOWN, usageIndexUp } from '@fornax/object-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { STAGING_BUCKET } from '../model/bucket-names.js';

/** What is looked for by age, by the bucket that staged results go to, and by project. */
export class StoredUsage1790000000008 implements MigrationInterface {
  readonly name = 'StoredUsage1790000000008';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX bucket_project ON bucket (coalesce(project, owner))');
    for (const statement of usageIndexUp({ bucket: STAGING_BUCKET, part: 3 })) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of USAGE_INDEX_DOWN) await runner.query(statement);
    await runner.query('DROP INDEX bucket_project');
  }
}
