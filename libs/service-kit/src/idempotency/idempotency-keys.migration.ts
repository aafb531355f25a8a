import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Answers kept for repeated requests. For every service with routes that are `@Idempotent`: put it among the service's migrations. */
export class IdempotencyKeys1790000600000 implements MigrationInterface {
  readonly name = 'IdempotencyKeys1790000600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE idempotency_key (
      key_hash text PRIMARY KEY,
      fingerprint text NOT NULL,
      claimed_at timestamptz NOT NULL DEFAULT now(),
      status integer,
      location text,
      answer jsonb,
      object_ids text[] NOT NULL DEFAULT '{}',
      expires_at timestamptz
    )`);
    await runner.query(
      'CREATE INDEX idempotency_key_expiry ON idempotency_key (expires_at) WHERE expires_at IS NOT NULL',
    );
    await runner.query('CREATE INDEX idempotency_key_objects ON idempotency_key USING gin (object_ids)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE idempotency_key');
  }
}
