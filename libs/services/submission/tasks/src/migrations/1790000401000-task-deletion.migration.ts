import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When a finished task is to be deleted, and which ones may go to make room. */
export class TaskDeletion1790000401000 implements MigrationInterface {
  readonly name = 'TaskDeletion1790000401000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE task ADD COLUMN delete_at_ms bigint, ADD COLUMN auto_delete boolean NOT NULL DEFAULT false',
    );
    await runner.query('CREATE INDEX task_to_delete ON task (delete_at_ms) WHERE delete_at_ms IS NOT NULL');
    await runner.query(
      'CREATE INDEX task_auto_delete ON task (owner, end_ms, task_id) WHERE auto_delete AND end_ms IS NOT NULL',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE task DROP COLUMN delete_at_ms, DROP COLUMN auto_delete');
  }
}
