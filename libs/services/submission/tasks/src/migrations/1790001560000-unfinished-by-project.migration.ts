import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What has not ended in a project is looked up when its budget is used up. */
export class UnfinishedByProject1790001560000 implements MigrationInterface {
  readonly name = 'UnfinishedByProject1790001560000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX task_unfinished_by_project ON task ((coalesce(spec->>'projectUuid', owner)), task_id) WHERE end_ms IS NULL`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX task_unfinished_by_project');
  }
}
