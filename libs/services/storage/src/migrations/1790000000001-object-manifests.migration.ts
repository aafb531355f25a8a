import { LOCAL_MANIFESTS_DOWN, LOCAL_MANIFESTS_UP } from '@fornax/object-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What ties the index of the local object store to its files, so that it can be made again from them. */
export class ObjectManifests1790000000001 implements MigrationInterface {
  readonly name = 'ObjectManifests1790000000001';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of LOCAL_MANIFESTS_UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of LOCAL_MANIFESTS_DOWN) await runner.query(statement);
  }
}
