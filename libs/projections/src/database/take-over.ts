import type { MigrationInterface, QueryRunner } from 'typeorm';
import { identifier, shadowSchema } from './identifiers.js';
import { checkSchemaFormat, stateSchemaFormat, type Sql } from './schema-format.js';

/** Tables that older data has in another schema, and that belong into this one. */
export interface TakenOver {
  /** The schema in which an older release made them. */
  readonly from: string;
  readonly tables: readonly string[];
  /** Projections and log handlers whose checkpoints go with them, by their names, which stay. */
  readonly followers: readonly string[];
}

/** The name of the lock under which a schema is migrated. */
export const migrationLock = (schema: string): string => `fornax-migrations/${schema}`;

/** What of the given tables lies in a schema. */
const tablesIn = async (sql: Sql, schema: string, tables: readonly string[]): Promise<readonly string[]> => {
  const rows = await sql<{ readonly name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = ANY($2) AND c.relkind = 'r'`,
    [schema, tables],
  );
  return rows.map(({ name }) => name);
};

/** Whether tables wait in the other schema. Where this one has its own, whatever lies there is no longer meant. */
export const isToTakeOver = async (sql: Sql, schema: string, { from, tables }: TakenOver): Promise<boolean> =>
  (await tablesIn(sql, from, tables)).length > 0 && (await tablesIn(sql, schema, tables)).length === 0;

/** Copies rows into the table of the same name. Columns that only one of them has are left out: another release made the older one. */
const copyRows = async (
  sql: Sql,
  [from, to]: readonly [string, string],
  table: string,
  where: string,
  parameters: readonly unknown[],
): Promise<void> => {
  const columns = await sql<{ readonly name: string }>(
    `SELECT column_name AS name FROM information_schema.columns WHERE table_name = $3 AND table_schema = $1
     INTERSECT SELECT column_name FROM information_schema.columns WHERE table_name = $3 AND table_schema = $2`,
    [from, to, table],
  );
  if (columns.length === 0) return;
  const names = columns.map(({ name }) => `"${name}"`).join(', ');
  await sql(
    `INSERT INTO ${identifier(to)}.${identifier(table)} (${names})
     SELECT ${names} FROM ${identifier(from)}.${identifier(table)} WHERE ${where} ON CONFLICT DO NOTHING`,
    parameters,
  );
};

/** Sequences that give the tables their numbers go with them; those that no column owns do not do so by themselves. */
const moveSequences = async (sql: Sql, schema: string, from: string): Promise<void> => {
  const sequences = await sql<{ readonly name: string }>(
    `SELECT DISTINCT s.relname AS name
     FROM pg_depend d JOIN pg_attrdef a ON a.oid = d.objid JOIN pg_class t ON t.oid = a.adrelid JOIN pg_class s ON s.oid = d.refobjid
     WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND s.relkind = 'S'
       AND t.relnamespace = $1::text::regnamespace AND s.relnamespace = $2::text::regnamespace`,
    [schema, from],
  );
  for (const { name } of sequences)
    await sql(`ALTER SEQUENCE ${identifier(from)}.${identifier(name)} SET SCHEMA ${identifier(schema)}`);
};

/** What the platform knows of the followers, by table: where each stands, and what it leaves out. */
const OF_FOLLOWERS = ['projection_checkpoint', 'projection_stopped'];

const moveFollowers = async (sql: Sql, schema: string, { from, tables, followers }: TakenOver): Promise<void> => {
  const room = [from, schema] as const;
  for (const table of OF_FOLLOWERS) await copyRows(sql, room, table, 'projection = ANY($1)', [followers]);
  // Which log the rows were made from is as true here as it was there.
  await copyRows(sql, room, 'log_mark', 'true', []);
  // A rebuild that was killed begins anew: its tables have the name of the other schema.
  for (const table of await tablesIn(sql, from, [...OF_FOLLOWERS, 'projection_rebuild']))
    await sql(`DELETE FROM ${identifier(from)}.${identifier(table)} WHERE projection = ANY($1)`, [followers]);
  for (const table of await tablesIn(sql, shadowSchema(from), tables))
    await sql(`DROP TABLE ${identifier(shadowSchema(from))}.${identifier(table)}`);
};

/**
 * The migration that takes over tables, in one transaction: the tables with their rows, indexes and sequences, which migrations made them, and
 * where their followers stand. The other schema keeps the note of those migrations, so that no older program makes empty tables there again.
 */
export const takeOverMigration = (
  schema: string,
  takenOver: TakenOver,
  migrations: readonly string[],
): new () => MigrationInterface =>
  class TakeOver1700000000200 implements MigrationInterface {
    readonly name = 'TakeOver1700000000200';

    async up(runner: QueryRunner): Promise<void> {
      const { from, tables } = takenOver;
      const sql: Sql = (text, parameters = []) => runner.query(text, [...parameters]);
      // Nobody migrates them there meanwhile.
      await sql('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [migrationLock(from)]);
      await checkSchemaFormat(sql, from);
      await stateSchemaFormat(sql, from);
      for (const table of await tablesIn(sql, from, tables))
        await sql(`ALTER TABLE ${identifier(from)}.${identifier(table)} SET SCHEMA ${identifier(schema)}`);
      await moveSequences(sql, schema, from);
      await sql(
        `INSERT INTO ${identifier(schema)}.schema_migrations (timestamp, name)
         SELECT timestamp, name FROM ${identifier(from)}.schema_migrations WHERE name = ANY($1) ORDER BY timestamp`,
        [migrations],
      );
      await moveFollowers(sql, schema, takenOver);
    }

    // There is no way back: what is written here afterwards is not known there.
    async down(): Promise<void> {}
  };
