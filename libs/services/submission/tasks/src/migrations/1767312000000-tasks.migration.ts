import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The status of tasks, their completed instances, and the names in use. */
export class Tasks1767312000000 implements MigrationInterface {
  readonly name = 'Tasks1767312000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE task (
      task_id text PRIMARY KEY,
      owner text NOT NULL,
      shortname text NOT NULL,
      name text NOT NULL,
      profile text NOT NULL,
      plan text NOT NULL,
      state text NOT NULL,
      previous_state text,
      state_ms bigint NOT NULL,
      previous_state_ms bigint,
      created_ms bigint NOT NULL,
      modified_ms bigint NOT NULL,
      end_ms bigint,
      tags text[] NOT NULL,
      instance_count integer NOT NULL,
      total_instances integer NOT NULL,
      running_instances integer NOT NULL,
      running_cores double precision NOT NULL,
      execution_ms bigint NOT NULL,
      results_count integer NOT NULL,
      spec jsonb NOT NULL,
      fold jsonb NOT NULL,
      usage jsonb NOT NULL,
      errors jsonb NOT NULL,
      sequence bigint NOT NULL,
      version bigint NOT NULL
    )`);
    await runner.query('CREATE INDEX task_by_owner ON task (owner, created_ms DESC, task_id DESC)');
    await runner.query('CREATE INDEX task_by_shortname ON task (owner, shortname)');
    await runner.query('CREATE INDEX task_unfinished ON task (owner) WHERE end_ms IS NULL');
    await runner.query(`CREATE TABLE completed_instance (
      task_id text NOT NULL,
      instance integer NOT NULL,
      outcome text NOT NULL,
      attempt integer NOT NULL,
      node text NOT NULL,
      exit_code integer,
      wall_ms bigint NOT NULL,
      execution_ms bigint NOT NULL,
      peak_memory_mb double precision NOT NULL,
      hardware jsonb NOT NULL,
      error jsonb,
      uploaded_files integer NOT NULL,
      uploaded_bytes bigint NOT NULL,
      PRIMARY KEY (task_id, instance)
    )`);
    await runner.query(`CREATE TABLE shortname (
      owner text NOT NULL,
      shortname text NOT NULL,
      task_id text NOT NULL,
      is_outcome_unknown boolean NOT NULL DEFAULT false,
      reserved_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (owner, shortname)
    )`);
    await runner.query('CREATE INDEX shortname_by_task ON shortname (task_id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE task, completed_instance, shortname');
  }
}
