import { DATA_FORMAT, checkDataFormat } from '@fornax/contracts';
import { identifier } from './identifiers.js';

/** Asks the database, whatever the connection. @returns the rows */
export type Sql = <Row>(text: string, parameters?: readonly unknown[]) => Promise<readonly Row[]>;

/** The format stands in the schema's comment: it is there before any table is. Schemas of before formats have none, which means the first. */
const COMMENT = /^Fornax data, format ([1-9]\d*)$/;

/** @throws NewerData */
export const checkSchemaFormat = async (sql: Sql, schema: string): Promise<void> => {
  const [row] = await sql<{ comment: string | null }>(
    `SELECT obj_description(oid, 'pg_namespace') AS comment FROM pg_namespace WHERE nspname = $1`,
    [schema],
  );
  checkDataFormat(`The database schema ${schema}`, Number(COMMENT.exec(row?.comment ?? '')?.[1] ?? 1));
};

/** Before the migrations: from the moment that one may have begun, older programs stop. */
export const stateSchemaFormat = async (sql: Sql, schema: string): Promise<void> => {
  if (DATA_FORMAT > 1) await sql(`COMMENT ON SCHEMA ${identifier(schema)} IS 'Fornax data, format ${DATA_FORMAT}'`);
};
