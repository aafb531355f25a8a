import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is staged of a job, by the commit that decides: two requests for one job, of which one comes to be, have each their own. */
export class StagedByCommit1790001430000 implements MigrationInterface {
  readonly name = 'StagedByCommit1790001430000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`UPDATE staged_job SET commit_id = '' WHERE commit_id IS NULL`);
    await runner.query(`ALTER TABLE staged_job ALTER COLUMN commit_id SET NOT NULL,
      DROP CONSTRAINT staged_job_pkey, ADD PRIMARY KEY (job_id, commit_id)`);
    await runner.query(`ALTER TABLE staged_task ADD COLUMN commit_id text NOT NULL DEFAULT ''`);
    await runner.query(
      'UPDATE staged_task SET commit_id = staged_job.commit_id FROM staged_job WHERE staged_job.job_id = staged_task.job_id',
    );
    await runner.query(`ALTER TABLE staged_task ALTER COLUMN commit_id DROP DEFAULT,
      DROP CONSTRAINT staged_task_pkey, ADD PRIMARY KEY (job_id, commit_id, position)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'DELETE FROM staged_task AS one USING staged_task AS other WHERE other.job_id = one.job_id AND other.commit_id < one.commit_id',
    );
    await runner.query('ALTER TABLE staged_task DROP COLUMN commit_id, ADD PRIMARY KEY (job_id, position)');
    await runner.query(
      'DELETE FROM staged_job AS one USING staged_job AS other WHERE other.job_id = one.job_id AND other.commit_id < one.commit_id',
    );
    await runner.query(
      'ALTER TABLE staged_job DROP CONSTRAINT staged_job_pkey, ADD PRIMARY KEY (job_id), ALTER COLUMN commit_id DROP NOT NULL',
    );
  }
}
