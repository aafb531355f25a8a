import { LOCAL_EXTRAS_DOWN, LOCAL_EXTRAS_UP } from '@fornax/object-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Headers about the content, and checksums, of objects in the local object store. */
export class ObjectExtras1790000000004 implements MigrationInterface {
  readonly name = 'ObjectExtras1790000000004';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of LOCAL_EXTRAS_UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of LOCAL_EXTRAS_DOWN) await runner.query(statement);
  }
}
