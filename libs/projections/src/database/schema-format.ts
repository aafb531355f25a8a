import { DATA_FORMAT, checkDataFormat } from '@fornax/contracts';
import type pg from 'pg';
import { identifier } from './identifiers.js';

/** The format stands in the schema's comment: it is there before any table is. Schemas of before formats have none, which means the first. */
const COMMENT = /^Fornax data, format ([1-9]\d*)$/;

/** @throws NewerData */
export const checkSchemaFormat = async (client: pg.Client, schema: string): Promise<void> => {
  const { rows } = await client.query<{ comment: string | null }>(
    `SELECT obj_description(oid, 'pg_namespace') AS comment FROM pg_namespace WHERE nspname = $1`,
    [schema],
  );
  checkDataFormat(`The database schema ${schema}`, Number(COMMENT.exec(rows[0]?.comment ?? '')?.[1] ?? 1));
};

/** Before the migrations: from the moment that one may have begun, older programs stop. */
export const stateSchemaFormat = async (client: pg.Client, schema: string): Promise<void> => {
  if (DATA_FORMAT > 1)
    await client.query(`COMMENT ON SCHEMA ${identifier(schema)} IS 'Fornax data, format ${DATA_FORMAT}'`);
};
