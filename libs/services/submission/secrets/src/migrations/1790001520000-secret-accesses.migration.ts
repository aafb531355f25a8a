import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who was given which secret, a fold of the log; never what it holds. */
export class SecretAccesses1790001520000 implements MigrationInterface {
  readonly name = 'SecretAccesses1790001520000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE secret_name (
      secret_id text PRIMARY KEY,
      owner text NOT NULL,
      key text NOT NULL
    )`);
    await runner.query(`CREATE TABLE secret_access (
      sequence bigint NOT NULL,
      position integer NOT NULL,
      owner text NOT NULL,
      key text NOT NULL,
      version integer NOT NULL,
      way text NOT NULL,
      actor text NOT NULL,
      task_id text,
      instance integer,
      lease_id text,
      node text,
      at_ms bigint NOT NULL,
      PRIMARY KEY (sequence, position)
    )`);
    await runner.query('CREATE INDEX secret_access_by_owner ON secret_access (owner, sequence, position)');
    await runner.query(
      'CREATE INDEX secret_access_by_key ON secret_access (owner, key COLLATE "C", sequence, position)',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE secret_access, secret_name');
  }
}
