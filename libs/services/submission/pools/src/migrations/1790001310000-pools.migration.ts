import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The status of pools. */
export class Pools1790001310000 implements MigrationInterface {
  readonly name = 'Pools1790001310000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE pool (
      pool_id text PRIMARY KEY,
      owner text NOT NULL,
      shortname text NOT NULL,
      name text NOT NULL,
      profile text NOT NULL,
      state text NOT NULL,
      previous_state text,
      state_ms bigint NOT NULL,
      previous_state_ms bigint,
      created_ms bigint NOT NULL,
      modified_ms bigint NOT NULL,
      end_ms bigint,
      delete_at_ms bigint,
      auto_delete boolean NOT NULL,
      tags text[] NOT NULL,
      running_instances integer NOT NULL,
      execution_ms bigint NOT NULL,
      spec jsonb NOT NULL,
      fold jsonb NOT NULL,
      usage jsonb NOT NULL,
      sequence bigint NOT NULL
    )`);
    await runner.query('CREATE INDEX pool_by_owner ON pool (owner, created_ms DESC, pool_id DESC) INCLUDE (state)');
    await runner.query('CREATE INDEX pool_by_name ON pool (owner, shortname)');
    await runner.query('CREATE INDEX pool_to_delete ON pool (delete_at_ms) WHERE delete_at_ms IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE pool');
  }
}
