import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The ledger in whole nano-units and what is left of one, of tasks and of pools. Its rows are folded anew from the log; the tables of before stay for
 * processes of the release before.
 */
export class Bill1790001500000 implements MigrationInterface {
  readonly name = 'Bill1790001500000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE usage_terms (
      task_id text PRIMARY KEY,
      kind text NOT NULL,
      owner text NOT NULL,
      shortname text NOT NULL,
      project_uuid text,
      plan text NOT NULL,
      constrained boolean NOT NULL,
      memory_mb double precision NOT NULL,
      sequence bigint NOT NULL
    )`);
    await runner.query('CREATE INDEX usage_terms_shortname ON usage_terms (owner, shortname)');
    await runner.query(`CREATE TABLE published_price_list (
      version integer PRIMARY KEY,
      document jsonb NOT NULL,
      from_ms bigint NOT NULL,
      sequence bigint NOT NULL
    )`);
    // The primary key is the proof that no attempt is billed twice: an insert that violated it would stop the projection.
    await runner.query(`CREATE TABLE bill_line (
      task_id text NOT NULL,
      instance integer NOT NULL,
      attempt integer NOT NULL,
      run integer NOT NULL,
      kind text NOT NULL,
      owner text NOT NULL,
      project_uuid text,
      lease_id text NOT NULL,
      node text NOT NULL,
      specification_key text NOT NULL,
      cpu_model text NOT NULL,
      plan text NOT NULL,
      constrained boolean NOT NULL,
      outcome text NOT NULL,
      cause text,
      started_at timestamptz,
      ended_at timestamptz NOT NULL,
      billed_ms bigint NOT NULL,
      milli_cores integer NOT NULL,
      milli_ghz integer NOT NULL,
      memory_mb double precision NOT NULL,
      amount_nanos bigint NOT NULL,
      amount_rest bigint NOT NULL,
      currency text NOT NULL,
      rule text NOT NULL,
      price_list_version integer NOT NULL,
      sequence bigint NOT NULL,
      commit_id text NOT NULL,
      PRIMARY KEY (task_id, instance, attempt, run)
    )`);
    await runner.query('CREATE INDEX bill_line_sequence ON bill_line (sequence)');
    await runner.query(`CREATE TABLE month_usage (
      owner text NOT NULL,
      month text NOT NULL,
      net_parts numeric NOT NULL,
      gross_parts numeric NOT NULL,
      lines bigint NOT NULL,
      PRIMARY KEY (owner, month)
    )`);
    await runner.query(`CREATE TABLE unrated_attempt (
      task_id text NOT NULL,
      instance integer NOT NULL,
      attempt integer NOT NULL,
      owner text NOT NULL,
      reason text NOT NULL,
      is_last boolean NOT NULL,
      attempt_end jsonb NOT NULL,
      sequence bigint NOT NULL,
      commit_id text NOT NULL,
      PRIMARY KEY (task_id, instance, attempt)
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['unrated_attempt', 'month_usage', 'bill_line', 'published_price_list', 'usage_terms'])
      await runner.query(`DROP TABLE ${table}`);
  }
}
