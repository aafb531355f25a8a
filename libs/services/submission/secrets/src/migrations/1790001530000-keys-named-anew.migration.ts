import type { MigrationInterface, QueryRunner } from 'typeorm';

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
