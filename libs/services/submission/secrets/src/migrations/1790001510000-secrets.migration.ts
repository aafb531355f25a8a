import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Secrets, a fold of the log: their values are sealed with data keys that the log does not hold. */
export class Secrets1790001510000 implements MigrationInterface {
  readonly name = 'Secrets1790001510000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE secret (
      secret_id text PRIMARY KEY,
      owner text NOT NULL,
      key text NOT NULL,
      key_id text,
      version integer NOT NULL,
      sequence bigint NOT NULL
    )`);
    await runner.query('CREATE INDEX secret_by_key ON secret (owner, key COLLATE "C") WHERE key_id IS NOT NULL');
    await runner.query(`CREATE TABLE secret_version (
      secret_id text NOT NULL,
      version integer NOT NULL,
      sealed text NOT NULL,
      restored_from integer,
      at_ms bigint NOT NULL,
      PRIMARY KEY (secret_id, version)
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE secret_version, secret');
  }
}
