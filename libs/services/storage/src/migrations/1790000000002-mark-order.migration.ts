import { LOCAL_MARK_ORDER_DOWN, LOCAL_MARK_ORDER_UP } from '@fornax/object-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What tells an older copy of the local object store's folder from the one that was used last. */
export class MarkOrder1790000000002 implements MigrationInterface {
  readonly name = 'MarkOrder1790000000002';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of LOCAL_MARK_ORDER_UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of LOCAL_MARK_ORDER_DOWN) await runner.query(statement);
  }
}
