import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Leases whose results went with their bucket before they had ended: such an instance has not stored what it says. */
export class LostResults1790000000006 implements MigrationInterface {
  readonly name = 'LostResults1790000000006';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE lost_result (lease_id text COLLATE "C" NOT NULL, task_id text COLLATE "C" NOT NULL, bucket text COLLATE "C" NOT NULL,
        PRIMARY KEY (lease_id, bucket))`,
    );
    await runner.query('CREATE INDEX lost_result_task ON lost_result (task_id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE lost_result');
  }
}
