import type { EntityManager } from 'typeorm';
import { identifier, shadowSchema } from '../database/identifiers.js';
import type { NamedTasks, TableDifference } from '../projection/projection.js';

interface NamedDefinition {
  readonly name: string;
  readonly definition: string;
}

const rowsOf = <T>(result: unknown): readonly T[] => result as readonly T[];

const constraintsOf = async (tx: EntityManager, schema: string, table: string): Promise<readonly NamedDefinition[]> =>
  rowsOf(
    await tx.query(
      `SELECT c.conname AS name, pg_get_constraintdef(c.oid) AS definition
       FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
       WHERE n.nspname = $1 AND t.relname = $2 AND c.contype IN ('p', 'u', 'x')`,
      [schema, table],
    ),
  );

const plainIndexesOf = async (tx: EntityManager, schema: string, table: string): Promise<readonly NamedDefinition[]> =>
  rowsOf(
    await tx.query(
      `SELECT i.relname AS name, pg_get_indexdef(x.indexrelid) AS definition
       FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
            JOIN pg_namespace n ON n.oid = t.relnamespace
       WHERE n.nspname = $1 AND t.relname = $2 AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = x.indexrelid)`,
      [schema, table],
    ),
  );

/** `CREATE INDEX name ON schema.table USING ...`, on the table of the same name in another schema. */
const moveIndex = (definition: string, table: string, to: string): string =>
  definition.replace(/ ON (ONLY )?\S+ USING /, ` ON ${identifier(to)}.${identifier(table)} USING `);

/**
 * Makes an empty copy of a table with its defaults, checks, constraints and indexes. These keep their names (LIKE alone would
 * invent new ones), so that later migrations still find them after a swap.
 */
const createShadow = async (tx: EntityManager, schema: string, table: string): Promise<void> => {
  const shadow = `${identifier(shadowSchema(schema))}.${identifier(table)}`;
  await tx.query(`DROP TABLE IF EXISTS ${shadow}`);
  await tx.query(
    `CREATE TABLE ${shadow} (LIKE ${identifier(schema)}.${identifier(table)} INCLUDING ALL EXCLUDING INDEXES)`,
  );
  for (const { name, definition } of await constraintsOf(tx, schema, table)) {
    await tx.query(`ALTER TABLE ${shadow} ADD CONSTRAINT "${name}" ${definition}`);
  }
  for (const { definition } of await plainIndexesOf(tx, schema, table)) {
    await tx.query(moveIndex(definition, table, shadowSchema(schema)));
  }
};

export const createShadows = async (tx: EntityManager, schema: string, tables: readonly string[]): Promise<void> => {
  await tx.query(`CREATE SCHEMA IF NOT EXISTS ${identifier(shadowSchema(schema))}`);
  for (const table of tables) await createShadow(tx, schema, table);
};

export const dropShadows = async (tx: EntityManager, schema: string, tables: readonly string[]): Promise<void> => {
  for (const table of tables)
    await tx.query(`DROP TABLE IF EXISTS ${identifier(shadowSchema(schema))}.${identifier(table)}`);
};

/** For the rest of the transaction, unqualified names mean the shadow tables and nothing else. */
export const enterShadow = async (tx: EntityManager, schema: string): Promise<void> => {
  await tx.query(`SELECT set_config('search_path', $1, true), set_config('synchronous_commit', 'off', true)`, [
    identifier(shadowSchema(schema)),
  ]);
};

/** Puts the shadow tables in the place of the live ones, in the caller's transaction. */
export const swapShadows = async (tx: EntityManager, schema: string, tables: readonly string[]): Promise<void> => {
  for (const table of tables) {
    await tx.query(`DROP TABLE ${identifier(schema)}.${identifier(table)}`);
    await tx.query(
      `ALTER TABLE ${identifier(shadowSchema(schema))}.${identifier(table)} SET SCHEMA ${identifier(schema)}`,
    );
  }
};

export const countRows = async (tx: EntityManager, schema: string, table: string): Promise<number> => {
  const [row] = rowsOf<{ readonly count: string }>(
    await tx.query(`SELECT count(*) AS count FROM ${identifier(schema)}.${identifier(table)}`),
  );
  return Number(row?.count ?? 0);
};

/** The columns as they can be compared: `json` has no equality. */
const comparableColumns = async (tx: EntityManager, schema: string, table: string): Promise<string> => {
  const columns = rowsOf<{ readonly name: string; readonly type: string }>(
    await tx.query(
      `SELECT column_name AS name, data_type AS type FROM information_schema.columns
       WHERE table_schema = $1 AND table_name = $2 ORDER BY ordinal_position`,
      [schema, table],
    ),
  );
  return columns.map(({ name, type }) => (type === 'json' ? `"${name}"::jsonb` : `"${name}"`)).join(', ');
};

/** Compares a live table with its shadow as multisets of rows. */
export const compareWithShadow = async (tx: EntityManager, schema: string, table: string): Promise<TableDifference> => {
  const columns = await comparableColumns(tx, schema, table);
  const live = `SELECT ${columns} FROM ${identifier(schema)}.${identifier(table)}`;
  const shadow = `SELECT ${columns} FROM ${identifier(shadowSchema(schema))}.${identifier(table)}`;
  const [row] = rowsOf<{ readonly only_live: string; readonly only_rebuilt: string }>(
    await tx.query(
      `SELECT (SELECT count(*) FROM (${live} EXCEPT ALL ${shadow}) a) AS only_live,
              (SELECT count(*) FROM (${shadow} EXCEPT ALL ${live}) b) AS only_rebuilt`,
    ),
  );
  return { table, onlyLive: Number(row?.only_live ?? 0), onlyRebuilt: Number(row?.only_rebuilt ?? 0) };
};

const MOST_NAMED = 20;

/** The tasks of rows that live tables have and their shadows have not, or not like that. Tables without a column `task_id` are left out. */
export const tasksOnlyLive = async (
  tx: EntityManager,
  schema: string,
  tables: readonly string[],
): Promise<NamedTasks> => {
  const parts: string[] = [];
  for (const table of tables) {
    const columns = await comparableColumns(tx, schema, table);
    if (!columns.includes('"task_id"')) continue;
    const rows = (where: string): string => `SELECT ${columns} FROM ${identifier(where)}.${identifier(table)}`;
    parts.push(`SELECT task_id FROM (${rows(schema)} EXCEPT ALL ${rows(shadowSchema(schema))}) gone`);
  }
  if (parts.length === 0) return { count: 0, ids: [] };
  const found = rowsOf<{ readonly task_id: string; readonly count: string }>(
    await tx.query(
      `SELECT task_id, count(*) OVER () AS count FROM (${parts.join(' UNION ')}) tasks ORDER BY task_id LIMIT ${MOST_NAMED}`,
    ),
  );
  return { count: Number(found[0]?.count ?? 0), ids: found.map(({ task_id }) => task_id) };
};

/** Columns and indexes of some tables in one schema, as text that can be compared. */
const shapeOf = async (tx: EntityManager, schema: string, tables: readonly string[]): Promise<string> => {
  const [row] = rowsOf<{ readonly columns: unknown; readonly indexes: unknown }>(
    await tx.query(
      `SELECT (SELECT json_agg(json_build_array(table_name, column_name, data_type, is_nullable, column_default) ORDER BY table_name, ordinal_position)
               FROM information_schema.columns WHERE table_schema = $1 AND table_name = ANY($2)) AS columns,
              (SELECT json_agg(json_build_array(tablename, indexname) ORDER BY tablename, indexname)
               FROM pg_indexes WHERE schemaname = $1 AND tablename = ANY($2)) AS indexes`,
      [schema, tables],
    ),
  );
  return JSON.stringify([row?.columns, row?.indexes]);
};

/** Shadow tables are there and look like the live ones do now; a migration may have changed those since. */
export const hasShapeOfLive = async (tx: EntityManager, schema: string, tables: readonly string[]): Promise<boolean> =>
  (await shapeOf(tx, shadowSchema(schema), tables)) === (await shapeOf(tx, schema, tables));
