import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What lists of tasks are read from: columns that a task in short consists of, so that its fold need not be restored; tags in a table of their
 * own, in the order of the lists; and an index that answers counts and state filters without the rows.
 */
export class TaskLists1790000100000 implements MigrationInterface {
  readonly name = 'TaskLists1790000100000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE task ADD COLUMN ended_instances integer NOT NULL DEFAULT 0,
      ADD COLUMN running_since_ms bigint NOT NULL DEFAULT 0`);
    await runner.query(`UPDATE task SET
      ended_instances = (fold->'succeeded'->>'size')::integer + (fold->'failed'->>'size')::integer + (fold->'cancelled'->>'size')::integer,
      running_since_ms = (SELECT coalesce(sum((lease->1->>'startedAt')::bigint), 0) FROM jsonb_array_elements(fold->'inFlight') AS lease
        WHERE lease->1->>'phase' = 'executing')`);
    await runner.query('DROP INDEX task_by_owner');
    await runner.query('CREATE INDEX task_by_owner ON task (owner, created_ms DESC, task_id DESC) INCLUDE (state)');
    await runner.query(`CREATE TABLE task_tag (
      owner text NOT NULL,
      tag text NOT NULL,
      task_id text NOT NULL,
      PRIMARY KEY (owner, tag, task_id)
    )`);
    await runner.query('CREATE INDEX task_tag_by_task ON task_tag (task_id)');
    await runner.query(
      'INSERT INTO task_tag (owner, tag, task_id) SELECT DISTINCT owner, unnest(tags), task_id FROM task',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE task_tag');
    await runner.query('DROP INDEX task_by_owner');
    await runner.query('CREATE INDEX task_by_owner ON task (owner, created_ms DESC, task_id DESC)');
    await runner.query('ALTER TABLE task DROP COLUMN ended_instances, DROP COLUMN running_since_ms');
  }
}
