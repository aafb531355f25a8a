import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What runs is looked up among the lines, and what waits for a price, by its lease: tasks have many. */
export class LinesByLease1790001550000 implements MigrationInterface {
  readonly name = 'LinesByLease1790001550000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX bill_line_lease ON bill_line (task_id, lease_id)');
    await runner.query(`CREATE INDEX unrated_attempt_lease ON unrated_attempt (task_id, (attempt_end ->> 'leaseId'))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const index of ['unrated_attempt_lease', 'bill_line_lease']) await runner.query(`DROP INDEX ${index}`);
  }
}
