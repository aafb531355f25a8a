import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tasks of jobs that are created whole: they wait here until the log has the job, and are taken to the log then. */
export class StagedTasks1790001410000 implements MigrationInterface {
  readonly name = 'StagedTasks1790001410000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE staged_task (
      job_id text NOT NULL,
      position integer NOT NULL,
      task_id text NOT NULL,
      owner text NOT NULL,
      spec jsonb NOT NULL,
      meta jsonb NOT NULL,
      staged_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (job_id, position)
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE staged_task');
  }
}
