import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which process of the platform links all instances of a task that reach each other. */
export class ClusterCarriers1790001810000 implements MigrationInterface {
  readonly name = 'ClusterCarriers1790001810000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE cluster_carrier (task_id text PRIMARY KEY, carrier text NOT NULL)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE cluster_carrier');
  }
}
