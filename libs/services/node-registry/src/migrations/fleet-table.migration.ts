import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The fleet as people see it: one row for each node that ever joined. */
export class FleetTable1767225800000 implements MigrationInterface {
  readonly name = 'FleetTable1767225800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE node (
      node_id text PRIMARY KEY,
      status text NOT NULL,
      drain_requested boolean NOT NULL,
      epoch integer NOT NULL,
      boot_id text NOT NULL,
      driver text NOT NULL,
      warnings jsonb NOT NULL,
      specification_key text NOT NULL,
      cpu_model text NOT NULL,
      cores integer NOT NULL,
      memory_mb bigint NOT NULL,
      ghz double precision NOT NULL,
      ssd boolean NOT NULL,
      gpus integer NOT NULL,
      joined_at timestamptz,
      lost_at timestamptz,
      lost_cause text
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE node');
  }
}
