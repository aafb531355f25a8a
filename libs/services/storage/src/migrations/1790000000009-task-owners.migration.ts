import type { MigrationInterface, QueryRunner } from 'typeorm';
import { MANIFESTS_BUCKET, OUTPUT_BUCKET, TABLES_BUCKET } from '../model/bucket-names.js';

const INDEXES = [
  { name: 'object_part_manifests', bucket: MANIFESTS_BUCKET, part: 2 },
  { name: 'object_part_output', bucket: OUTPUT_BUCKET, part: 1 },
  { name: 'object_part_tables', bucket: TABLES_BUCKET, part: 1 },
] as const;

/** Whose tasks are, and what is kept for them by task or owner: so that nobody's question costs what everybody has. */
export class TaskOwners1790000000009 implements MigrationInterface {
  readonly name = 'TaskOwners1790000000009';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE task_owner (task_id text PRIMARY KEY, owner text NOT NULL)');
    await runner.query('CREATE INDEX task_owner_owner ON task_owner (owner)');
    for (const { name, bucket, part } of INDEXES)
      await runner.query(`CREATE INDEX ${name} ON object (split_part(key, '/', ${part})) WHERE bucket = '${bucket}'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX ${INDEXES.map(({ name }) => name).join(', ')}`);
    await runner.query('DROP TABLE task_owner');
  }
}
