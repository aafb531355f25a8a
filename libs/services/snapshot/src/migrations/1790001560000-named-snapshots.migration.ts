import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which tasks are to begin with a certain snapshot. */
export class NamedSnapshots1790001560000 implements MigrationInterface {
  readonly name = 'NamedSnapshots1790001560000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE task_ref ADD COLUMN named_snapshot text');
    await runner.query(
      'CREATE INDEX task_ref_named_snapshot ON task_ref (named_snapshot) WHERE named_snapshot IS NOT NULL',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX task_ref_named_snapshot');
    await runner.query('ALTER TABLE task_ref DROP COLUMN named_snapshot');
  }
}
