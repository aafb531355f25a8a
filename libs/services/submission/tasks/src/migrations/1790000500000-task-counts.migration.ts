import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How many tasks each account has: asked for with every page and every second of submissions, so it is not counted each time. */
export class TaskCounts1790000500000 implements MigrationInterface {
  readonly name = 'TaskCounts1790000500000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE task_count (owner text PRIMARY KEY, tasks bigint NOT NULL)');
    await runner.query('INSERT INTO task_count (owner, tasks) SELECT owner, count(*) FROM task GROUP BY owner');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE task_count');
  }
}
