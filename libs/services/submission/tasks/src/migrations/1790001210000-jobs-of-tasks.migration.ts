import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which job a task belongs to: its tasks are listed, counted and ended together. */
export class JobsOfTasks1790001210000 implements MigrationInterface {
  readonly name = 'JobsOfTasks1790001210000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE task ADD COLUMN job_id text');
    await runner.query('CREATE INDEX task_by_job ON task (job_id) WHERE job_id IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE task DROP COLUMN job_id');
  }
}
