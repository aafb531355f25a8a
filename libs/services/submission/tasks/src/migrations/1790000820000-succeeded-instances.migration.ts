import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How many instances of a task succeeded, as a column: progress in lists would read the whole fold of each task that is under way otherwise. */
export class SucceededInstances1790000820000 implements MigrationInterface {
  readonly name = 'SucceededInstances1790000820000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE task ADD COLUMN succeeded_instances integer NOT NULL DEFAULT 0');
    await runner.query(`UPDATE task SET succeeded_instances = (fold->'succeeded'->>'size')::integer`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE task DROP COLUMN succeeded_instances');
  }
}
