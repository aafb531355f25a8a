import type { DataSource } from 'typeorm';

/** The service's tables were dropped while it ran. */
export class SchemaGone extends Error {
  override readonly name = 'SchemaGone';
}

export const goneText = (schema: string): string =>
  `the tables of schema ${schema} in PostgreSQL are gone; the process starts again, makes them anew and folds them from the log`;

/** Whether the schema that the connections stand in still holds its migrations. */
export const hasSchema = async (db: DataSource): Promise<boolean> => {
  const [row] = await db.query<{ readonly there: boolean }[]>(
    `SELECT to_regclass('schema_migrations') IS NOT NULL AS there`,
  );
  return row?.there === true;
};

/**
 * Looks now and then whether a service's tables are still there, until its data source is closed. A start makes them anew and follows the log from
 * its beginning; a running process would take empty tables for what they were, so it is told to end.
 * @param onGone called once
 */
export const watchSchema = (
  db: DataSource,
  schema: string,
  everyMs: number,
  onGone: (error: SchemaGone) => void,
): void => {
  let isGone = false;
  const timer = setInterval(() => {
    if (!db.isInitialized) return clearInterval(timer);
    hasSchema(db).then(
      (isThere) => {
        if (isThere || isGone || !db.isInitialized) return;
        isGone = true;
        clearInterval(timer);
        // Outside of the promise, so that it is an error of the process like any other that nobody handles.
        setImmediate(() => onGone(new SchemaGone(goneText(schema))));
      },
      () => undefined, // no connection: somebody else's trouble
    );
  }, everyMs);
  timer.unref();
};
