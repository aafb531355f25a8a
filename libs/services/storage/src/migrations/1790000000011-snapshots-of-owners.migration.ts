import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SNAPSHOTS_BUCKET } from '../model/bucket-names.js';

/** In which project tasks are, and which have snapshots: so that their files count for whose they are. The index by bucket stays for a service of before. */
export class SnapshotsOfOwners1790000000011 implements MigrationInterface {
  readonly name = 'SnapshotsOfOwners1790000000011';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE task_owner ADD COLUMN project text, ADD COLUMN has_snapshots boolean NOT NULL DEFAULT false',
    );
    await runner.query('CREATE INDEX task_owner_snapshots ON task_owner (owner) WHERE has_snapshots');
    await runner.query(
      'CREATE INDEX task_owner_project_snapshots ON task_owner (coalesce(project, owner)) WHERE has_snapshots',
    );
    await runner.query(
      `CREATE INDEX object_part_snapshots ON object (split_part(key, '/', 1)) WHERE bucket = '${SNAPSHOTS_BUCKET}'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX object_part_snapshots, task_owner_project_snapshots, task_owner_snapshots');
    await runner.query('ALTER TABLE task_owner DROP COLUMN project, DROP COLUMN has_snapshots');
  }
}
