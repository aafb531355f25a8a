import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Data keys, wrapped by the master key. They are in no event: deleting a row destroys what was sealed with its key (ADR 0089). */
export class DataKeys1790001500000 implements MigrationInterface {
  readonly name = 'DataKeys1790001500000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE data_key (
      key_id text PRIMARY KEY,
      wrapped text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE data_key');
  }
}

/** Whose data keys are: those of constants of a task or a pool go with it (ADR 0112). */
export class DataKeyOwners1790001500100 implements MigrationInterface {
  readonly name = 'DataKeyOwners1790001500100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE data_key ADD COLUMN owner_id text');
    await runner.query('CREATE INDEX data_key_by_owner ON data_key (owner_id) WHERE owner_id IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE data_key DROP COLUMN owner_id');
  }
}

/** Which commit named a key last: what came after it replaces the key. A new one was named by none yet; those that are there get 0, which `KeysNamedAnew` takes back. */
export class DataKeysNamed1790001500200 implements MigrationInterface {
  readonly name = 'DataKeysNamed1790001500200';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE data_key ADD COLUMN named_at bigint DEFAULT 0');
    await runner.query('ALTER TABLE data_key ALTER COLUMN named_at DROP DEFAULT');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE data_key DROP COLUMN named_at');
  }
}

/** Finds keys that no event names. */
export class DataKeysUnnamed1790001640000 implements MigrationInterface {
  readonly name = 'DataKeysUnnamed1790001640000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE INDEX data_key_unnamed ON data_key (created_at) WHERE named_at IS NULL AND owner_id IS NOT NULL',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX data_key_unnamed');
  }
}

/**
 * Has the follower that destroys data keys of replaced constants learn from the whole log which event named which key. Keys of before counted as named before all
 * that comes: of two, the current one was destroyed where the event of the older one was read again.
 */
export class KeysNamedAnew1790001530000 implements MigrationInterface {
  readonly name = 'KeysNamedAnew1790001530000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('UPDATE data_key SET named_at = NULL WHERE named_at = 0');
    await runner.query("DELETE FROM projection_checkpoint WHERE projection = 'destroyed-keys'");
  }

  async down(): Promise<void> {
    // What it took away is found in the log.
  }
}
