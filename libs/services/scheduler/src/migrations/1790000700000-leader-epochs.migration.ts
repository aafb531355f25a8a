import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The newest leader that has written about each unfinished task. Of those of before this nobody knows, until the next commit says it. */
export class LeaderEpochs1790000700000 implements MigrationInterface {
  readonly name = 'LeaderEpochs1790000700000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE work_task ADD COLUMN leader_epoch bigint NOT NULL DEFAULT 0');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE work_task DROP COLUMN leader_epoch');
  }
}
