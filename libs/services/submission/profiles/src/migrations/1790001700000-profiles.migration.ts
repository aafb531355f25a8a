import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Profiles that somebody published, and what each of their versions says. */
export class Profiles1790001700000 implements MigrationInterface {
  readonly name = 'Profiles1790001700000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE profile (
      profile_id text PRIMARY KEY,
      owner text NOT NULL,
      name text NOT NULL,
      version integer NOT NULL,
      retired_ms bigint,
      sequence bigint NOT NULL
    )`);
    await runner.query('CREATE INDEX profile_by_name ON profile (name, owner)');
    await runner.query(`CREATE TABLE profile_version (
      profile_id text NOT NULL,
      version integer NOT NULL,
      document jsonb NOT NULL,
      published_ms bigint NOT NULL,
      published_by text NOT NULL,
      PRIMARY KEY (profile_id, version)
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE profile, profile_version');
  }
}
