import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Pending effects on the object store, of events that are in the rows already. */
export class ObjectEffects1790000000003 implements MigrationInterface {
  readonly name = 'ObjectEffects1790000000003';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE object_effect (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        sequence bigint NOT NULL,
        kind text NOT NULL,
        scope text COLLATE "C" NOT NULL,
        names text[] NOT NULL,
        failures integer NOT NULL DEFAULT 0,
        reason text)`,
    );
    await runner.query('CREATE INDEX object_effect_scope ON object_effect (scope, id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE object_effect');
  }
}
