import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Names of tasks, jobs and pools do not meet: each kind has its own. What `task_id` names is an object of the row's kind. */
export class ShortnameKinds1790001200000 implements MigrationInterface {
  readonly name = 'ShortnameKinds1790001200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE shortname ADD COLUMN kind text NOT NULL DEFAULT 'task'`);
    await runner.query('ALTER TABLE shortname DROP CONSTRAINT shortname_pkey');
    await runner.query('ALTER TABLE shortname ADD PRIMARY KEY (kind, owner, shortname)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM shortname WHERE kind <> 'task'`);
    await runner.query('ALTER TABLE shortname DROP CONSTRAINT shortname_pkey');
    await runner.query('ALTER TABLE shortname DROP COLUMN kind');
    await runner.query('ALTER TABLE shortname ADD PRIMARY KEY (owner, shortname)');
  }
}
