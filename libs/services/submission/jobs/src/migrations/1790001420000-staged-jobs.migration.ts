import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Jobs whose tasks wait to be taken to the log, and when somebody looks after them unless it has been done. */
export class StagedJobs1790001420000 implements MigrationInterface {
  readonly name = 'StagedJobs1790001420000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE staged_job (
      job_id text PRIMARY KEY,
      commit_id text,
      staged_ms bigint NOT NULL,
      due_ms bigint NOT NULL
    )`);
    await runner.query(`INSERT INTO staged_job (job_id, staged_ms, due_ms)
      SELECT job_id, floor(extract(epoch FROM min(staged_at)) * 1000)::bigint, 0 FROM staged_task GROUP BY job_id`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE staged_job');
  }
}
