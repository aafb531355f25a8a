import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Snapshots and their parts, and what triggering one needs to know of its task. */
export class SnapshotTables1767226000000 implements MigrationInterface {
  readonly name = 'SnapshotTables1767226000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE task_ref (
      task_id text PRIMARY KEY,
      owner text NOT NULL,
      shortname text NOT NULL,
      result_bucket text,
      snapshot_bucket text,
      snapshot_prefix text,
      snapshot_whitelist text,
      snapshot_blacklist text,
      instances integer NOT NULL,
      ended integer NOT NULL,
      deleted boolean NOT NULL,
      sequence bigint NOT NULL
    )`);
    await runner.query('CREATE INDEX task_ref_shortname ON task_ref (owner, shortname)');
    await runner.query(`CREATE TABLE snapshot (
      snapshot_id text PRIMARY KEY,
      task_id text NOT NULL,
      owner text NOT NULL,
      status text NOT NULL,
      whitelist text,
      blacklist text,
      bucket text NOT NULL,
      prefix text,
      reason text,
      triggered_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL
    )`);
    await runner.query(`CREATE TABLE snapshot_part (
      snapshot_id text NOT NULL,
      lease_id text NOT NULL,
      instance integer NOT NULL,
      node text NOT NULL,
      awaited boolean NOT NULL,
      size_to_upload_bytes bigint,
      transferred_bytes bigint,
      files integer,
      PRIMARY KEY (snapshot_id, lease_id)
    )`);
    await runner.query('CREATE INDEX snapshot_part_awaited ON snapshot_part (lease_id) WHERE awaited');
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['snapshot_part', 'snapshot', 'task_ref']) await runner.query(`DROP TABLE ${table}`);
  }
}
