import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Webhooks, a fold of the log; and how far each has been delivered, which is not. */
export class Webhooks1790000310000 implements MigrationInterface {
  readonly name = 'Webhooks1790000310000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE webhook (
      webhook_id text PRIMARY KEY,
      owner text NOT NULL,
      name text NOT NULL,
      host text NOT NULL,
      sealed_url text NOT NULL,
      sealed_secret text NOT NULL,
      filter jsonb NOT NULL,
      state text NOT NULL,
      parked_reason text,
      parked_sequence bigint,
      parked_ms bigint,
      starts_after bigint NOT NULL,
      started_by bigint NOT NULL,
      created_ms bigint NOT NULL,
      version bigint NOT NULL
    )`);
    await runner.query('CREATE INDEX webhook_by_owner ON webhook (owner, created_ms)');
    await runner.query(`CREATE TABLE webhook_delivery (
      webhook_id text PRIMARY KEY,
      started_by bigint NOT NULL,
      sequence bigint NOT NULL,
      delivered_ms bigint,
      failures integer NOT NULL DEFAULT 0,
      failing_since_ms bigint,
      last_error text
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE webhook, webhook_delivery');
  }
}
