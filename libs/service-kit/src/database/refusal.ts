import { databaseDamageOf } from '@fornax/projections';
import { damagedOf, wordsOf } from './damaged.js';
import { ConfigError } from '@fornax/base';

/** SQLSTATE of what waiting does not mend: a wrong password, a user who may not, a database that does not exist. */
const REFUSALS = ['28P01', '28000', '3D000', '42501'];

/**
 * Turns a refusal by PostgreSQL into one sentence about the setting.
 * @param url of the database; its password is not repeated
 * @throws ConfigError, or the error as it is
 */
export const refusalOf =
  (url: string) =>
  (error: unknown): never => {
    const damage = databaseDamageOf(error);
    if (damage !== undefined) throw new ConfigError([`FORNAX_DATABASE_URL: ${wordsOf(damagedOf(damage))}`]);
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (!(error instanceof Error) || typeof code !== 'string' || !REFUSALS.includes(code)) throw error;
    const { host, pathname } = new URL(url);
    throw new ConfigError([`FORNAX_DATABASE_URL: PostgreSQL at ${host}${pathname} refuses it (${error.message})`]);
  };
