import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Jobs as they stand. */
export class Jobs1790001220000 implements MigrationInterface {
  readonly name = 'Jobs1790001220000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE job (
      job_id text PRIMARY KEY,
      owner text NOT NULL,
      shortname text NOT NULL,
      name text NOT NULL,
      state text NOT NULL,
      previous_state text,
      state_ms bigint NOT NULL,
      previous_state_ms bigint,
      created_ms bigint NOT NULL,
      modified_ms bigint NOT NULL,
      tags text[] NOT NULL,
      pool_id text,
      use_dependencies boolean NOT NULL,
      max_wall_s double precision,
      keep_s double precision,
      auto_delete boolean NOT NULL,
      ended_by text,
      due_ms bigint,
      sequence bigint NOT NULL
    )`);
    await runner.query('CREATE INDEX job_by_owner ON job (owner, created_ms DESC, job_id DESC)');
    await runner.query('CREATE INDEX job_by_shortname ON job (owner, shortname)');
    await runner.query("CREATE INDEX job_ending ON job (job_id) WHERE state IN ('Terminating', 'Deleting')");
    await runner.query('CREATE INDEX job_due ON job (due_ms) WHERE due_ms IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE job');
  }
}
