import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When the attempt that ended an instance began and ended, and why; rows of before have none until the projection is rebuilt. */
export class InstanceTimes1790000400000 implements MigrationInterface {
  readonly name = 'InstanceTimes1790000400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE completed_instance ADD COLUMN started_ms bigint, ADD COLUMN ended_ms bigint, ADD COLUMN cause text',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE completed_instance DROP COLUMN started_ms, DROP COLUMN ended_ms, DROP COLUMN cause',
    );
  }
}
