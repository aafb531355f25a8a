import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Sessions that have not ended are looked at every few seconds, and few tasks have any. */
export class OpenSessions1790001800000 implements MigrationInterface {
  readonly name = 'OpenSessions1790001800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE INDEX task_by_open_sessions ON task (task_id) WHERE fold->'openSessions' IS NOT NULL`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX task_by_open_sessions');
  }
}
