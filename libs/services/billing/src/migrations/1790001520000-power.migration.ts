import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What nodes draw and where they stand, from each time that they joined. */
export class Power1790001520000 implements MigrationInterface {
  readonly name = 'Power1790001520000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE node_power (
      node text NOT NULL,
      from_ms bigint NOT NULL,
      cores double precision NOT NULL,
      idle_milliwatts bigint,
      core_milliwatts bigint,
      site text,
      PRIMARY KEY (node, from_ms)
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE node_power');
  }
}
