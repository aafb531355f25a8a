import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The ledger and what its lines are rated by. Money is integer micro-units. */
export class LedgerTables1767225900000 implements MigrationInterface {
  readonly name = 'LedgerTables1767225900000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE task_terms (
      task_id text PRIMARY KEY,
      owner text NOT NULL,
      shortname text NOT NULL,
      plan text NOT NULL,
      constrained boolean NOT NULL,
      sequence bigint NOT NULL
    )`);
    await runner.query('CREATE INDEX task_terms_shortname ON task_terms (owner, shortname)');
    await runner.query(`CREATE TABLE price_list (
      version integer PRIMARY KEY,
      document jsonb NOT NULL,
      sequence bigint NOT NULL
    )`);
    // The primary key is the proof that no attempt is billed twice: an insert that violated it would stop the projection.
    await runner.query(`CREATE TABLE ledger_line (
      task_id text NOT NULL,
      instance integer NOT NULL,
      attempt integer NOT NULL,
      owner text NOT NULL,
      lease_id text NOT NULL,
      node text NOT NULL,
      specification_key text NOT NULL,
      cpu_model text NOT NULL,
      plan text NOT NULL,
      outcome text NOT NULL,
      cause text,
      started_at timestamptz,
      ended_at timestamptz NOT NULL,
      billed_ms bigint NOT NULL,
      cores double precision NOT NULL,
      amount_micros bigint NOT NULL,
      currency text NOT NULL,
      rule text NOT NULL,
      price_list_version integer NOT NULL,
      sequence bigint NOT NULL,
      commit_id text NOT NULL,
      PRIMARY KEY (task_id, instance, attempt)
    )`);
    await runner.query(`CREATE TABLE consumption (
      owner text PRIMARY KEY,
      amount_micros bigint NOT NULL,
      lines bigint NOT NULL
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['consumption', 'ledger_line', 'price_list', 'task_terms'])
      await runner.query(`DROP TABLE ${table}`);
  }
}
