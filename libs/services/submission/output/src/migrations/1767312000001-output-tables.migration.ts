import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The output of instances and how far it was read. Databases of before have these tables from the first migration of tasks. */
export class OutputTables1767312000001 implements MigrationInterface {
  readonly name = 'OutputTables1767312000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE IF NOT EXISTS log_checkpoint (
      id integer PRIMARY KEY CHECK (id = 1),
      epoch text NOT NULL,
      sequence bigint NOT NULL
    )`);
    await runner.query(`INSERT INTO log_checkpoint (id, epoch, sequence) VALUES (1, '', 0) ON CONFLICT DO NOTHING`);
    await runner.query(`CREATE TABLE IF NOT EXISTS log_chunk (
      position bigserial PRIMARY KEY,
      task_id text NOT NULL,
      stream text NOT NULL,
      instance integer NOT NULL,
      attempt integer NOT NULL,
      byte_offset bigint NOT NULL,
      size_bytes integer NOT NULL,
      data bytea NOT NULL
    )`);
    await runner.query('CREATE INDEX IF NOT EXISTS log_chunk_by_task ON log_chunk (task_id, stream, position)');
    await runner.query(
      'CREATE INDEX IF NOT EXISTS log_chunk_by_instance ON log_chunk (task_id, stream, instance, position)',
    );
    await runner.query(`CREATE TABLE IF NOT EXISTS log_stream (
      task_id text NOT NULL,
      stream text NOT NULL,
      kept_bytes bigint NOT NULL,
      dropped_bytes bigint NOT NULL,
      dropped_to bigint NOT NULL,
      PRIMARY KEY (task_id, stream)
    )`);
    await runner.query(`CREATE TABLE IF NOT EXISTS log_attempt (
      task_id text NOT NULL,
      instance integer NOT NULL,
      attempt integer NOT NULL,
      PRIMARY KEY (task_id, instance)
    )`);
    await runner.query(`CREATE TABLE IF NOT EXISTS log_cursor (
      task_id text NOT NULL,
      stream text NOT NULL,
      instance integer NOT NULL,
      position bigint NOT NULL,
      held jsonb NOT NULL,
      PRIMARY KEY (task_id, stream, instance)
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE log_checkpoint, log_chunk, log_stream, log_attempt, log_cursor');
  }
}
