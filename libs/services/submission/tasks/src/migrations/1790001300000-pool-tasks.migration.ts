import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tasks are looked up by their pool. */
export class PoolTasks1790001300000 implements MigrationInterface {
  readonly name = 'PoolTasks1790001300000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX task_by_pool ON task ((spec->>'poolUuid'), created_ms DESC) WHERE spec->>'poolUuid' IS NOT NULL`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX task_by_pool');
  }
}
