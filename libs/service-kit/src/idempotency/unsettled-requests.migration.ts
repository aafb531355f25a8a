import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Requests of which nobody knows whether they were carried out. For every service that joins a repeated one to the first. */
export class UnsettledRequests1790000800000 implements MigrationInterface {
  readonly name = 'UnsettledRequests1790000800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE unsettled_request (
      fingerprint text NOT NULL,
      name text NOT NULL,
      left_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (fingerprint, name)
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE unsettled_request');
  }
}
