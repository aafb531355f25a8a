import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Members of a shared project list all that is in it. Tasks in what an account begins with, which has its id, are listed by their owner. */
export class TasksByProject1790001700000 implements MigrationInterface {
  readonly name = 'TasksByProject1790001700000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX task_by_project ON task ((spec->>'projectUuid'), created_ms DESC, task_id DESC) WHERE spec->>'projectUuid' <> owner`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX task_by_project');
  }
}
