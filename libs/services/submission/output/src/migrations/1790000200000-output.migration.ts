import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Output beyond what Postgres keeps: how far each instance's output goes, the segments that lie in object storage, and which bytes of which
 * instance are where in them.
 */
export class Output1790000200000 implements MigrationInterface {
  readonly name = 'Output1790000200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE log_part (
      task_id text NOT NULL,
      stream text NOT NULL,
      instance integer NOT NULL,
      attempt integer NOT NULL,
      end_offset bigint NOT NULL,
      lost_bytes bigint NOT NULL,
      PRIMARY KEY (task_id, stream, instance)
    )`);
    await runner.query(`INSERT INTO log_part
      SELECT DISTINCT ON (task_id, stream, instance) task_id, stream, instance, attempt, byte_offset + size_bytes, byte_offset
      FROM log_chunk ORDER BY task_id, stream, instance, attempt DESC, byte_offset DESC`);
    await runner.query(`ALTER TABLE log_stream
      ADD COLUMN last_position bigint NOT NULL DEFAULT 0,
      ADD COLUMN archived_to bigint NOT NULL DEFAULT 0,
      ADD COLUMN archived_bytes bigint NOT NULL DEFAULT 0`);
    await runner.query(`UPDATE log_stream SET last_position = newest.position
      FROM (SELECT task_id, stream, max(position) AS position FROM log_chunk GROUP BY task_id, stream) AS newest
      WHERE log_stream.task_id = newest.task_id AND log_stream.stream = newest.stream`);
    await runner.query('CREATE INDEX log_stream_by_size ON log_stream (kept_bytes) WHERE kept_bytes > 1024');
    await runner.query('ALTER TABLE log_cursor ADD COLUMN version bigint NOT NULL DEFAULT 0');
    await runner.query(
      'CREATE INDEX log_chunk_by_offset ON log_chunk (task_id, stream, instance, attempt, byte_offset)',
    );
    await runner.query(`CREATE TABLE log_segment (
      segment_id bigserial PRIMARY KEY,
      task_id text NOT NULL,
      stream text NOT NULL,
      first_position bigint NOT NULL,
      last_position bigint NOT NULL,
      data_bytes bigint NOT NULL,
      object_key text NOT NULL,
      is_stored boolean NOT NULL
    )`);
    await runner.query('CREATE INDEX log_segment_by_task ON log_segment (task_id, stream, last_position)');
    await runner.query('CREATE INDEX log_segment_unfinished ON log_segment (segment_id) WHERE NOT is_stored');
    await runner.query(`CREATE TABLE log_archived (
      task_id text NOT NULL,
      stream text NOT NULL,
      instance integer NOT NULL,
      attempt integer NOT NULL,
      byte_offset bigint NOT NULL,
      size_bytes bigint NOT NULL,
      segment_id bigint NOT NULL,
      object_offset bigint NOT NULL,
      PRIMARY KEY (task_id, stream, instance, attempt, byte_offset)
    )`);
    await runner.query('CREATE INDEX log_archived_by_segment ON log_archived (segment_id, instance)');
    await runner.query('CREATE TABLE log_garbage (object_key text PRIMARY KEY)');
    await runner.query('CREATE TABLE log_forgotten (task_id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE log_part, log_segment, log_archived, log_garbage, log_forgotten');
    await runner.query('DROP INDEX log_stream_by_size, log_chunk_by_offset');
    await runner.query(
      'ALTER TABLE log_stream DROP COLUMN last_position, DROP COLUMN archived_to, DROP COLUMN archived_bytes',
    );
    await runner.query('ALTER TABLE log_cursor DROP COLUMN version');
  }
}
