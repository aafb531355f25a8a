import type { Logger } from 'typeorm';

/**
 * SQLSTATE of files of PostgreSQL that cannot be used: data_corrupted (a bad checksum, a file that is too short), index_corrupted, io_error,
 * undefined_file. Waiting does not mend them, and no query is at fault.
 */
const DAMAGE = ['XX001', 'XX002', '58030', '58P01'];
const MAX_DEPTH = 5;

/** @returns what PostgreSQL says of its damaged files, if that is why something failed; looks at causes, too */
export const databaseDamageOf = (error: unknown, depth = 0): string | undefined => {
  if (!(error instanceof Error) || depth > MAX_DEPTH) return undefined;
  if ('code' in error && typeof error.code === 'string' && DAMAGE.includes(error.code)) return error.message;
  const driverError: unknown = Reflect.get(error, 'driverError');
  return databaseDamageOf(driverError, depth + 1) ?? databaseDamageOf(error.cause, depth + 1);
};

const nothing = (): void => undefined;

/** Hears of every query that fails, whoever asked it: damage is noticed where it is read first. Writes no log. */
export const damageListener = (onDamage: (said: string) => void): Logger => ({
  logQuery: nothing,
  logQueryError: (error) => {
    const said = typeof error === 'string' ? undefined : databaseDamageOf(error);
    if (said !== undefined) onDamage(said);
  },
  logQuerySlow: nothing,
  logSchemaBuild: nothing,
  logMigration: nothing,
  log: nothing,
});
