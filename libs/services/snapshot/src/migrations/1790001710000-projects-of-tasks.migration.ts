import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Members of a project see the snapshots of its tasks; rows of before say nothing of it until the projection is rebuilt. */
export class ProjectsOfTasks1790001710000 implements MigrationInterface {
  readonly name = 'ProjectsOfTasks1790001710000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE task_ref ADD COLUMN project_uuid text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE task_ref DROP COLUMN project_uuid');
  }
}
