import pg from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { damageListener } from './database-damage.js';
import { identifier } from './identifiers.js';
import { checkSchemaFormat, stateSchemaFormat, type Sql } from './schema-format.js';
import { isToTakeOver, migrationLock, takeOverMigration, type TakenOver } from './take-over.js';
import { PreparingClient } from './preparing-client.js';
import { LogMark1700000000100 } from './log-mark.migration.js';
import { ProjectionCheckpoint1700000000000 } from './projection-checkpoint.migration.js';
import { ProjectionRebuild1700000000000 } from './projection-rebuild.migration.js';
import { ProjectionStopped1700000000000 } from './projection-stopped.migration.js';

/** The constructor of a migration or an entity, as TypeORM takes them. */
type ClassList = Extract<NonNullable<DataSourceOptions['migrations']>, readonly unknown[]>;

const BASE = [
  ProjectionCheckpoint1700000000000,
  ProjectionStopped1700000000000,
  ProjectionRebuild1700000000000,
  LogMark1700000000100,
] as const;

export interface ServiceDatabase {
  readonly url: string;
  /** The service's own schema; created when it is missing. */
  readonly schema: string;
  /** Migration classes, named `<Name><13 digits>`; run in the order of the digits, after the base migration. */
  readonly migrations: ClassList;
  /** Entity classes, if the service has any. Without a `schema` of their own. */
  readonly entities?: ClassList;
  /** Name of the data source, for Nest. Default: the schema. */
  readonly name?: string;
  /** Tables that data of before has in another schema. */
  readonly takesOver?: TakenOver;
  /** Most connections. Default 10. */
  readonly poolSize?: number;
  /** Told of every query that fails because files of PostgreSQL are damaged, in its words. */
  readonly onDamage?: (said: string) => void;
}

/**
 * TypeORM options with which every pooled connection stands in the service's schema and no other. Does not create the schema and
 * runs no migrations by itself: see `createServiceDataSource`.
 */
export const serviceDataSourceOptions = (database: ServiceDatabase): DataSourceOptions => {
  const { url, schema, migrations, entities = [], poolSize = 10, onDamage } = database;
  return {
    type: 'postgres',
    url,
    applicationName: `fornax-${schema}`,
    entities: [...entities],
    migrations: [...BASE, ...migrations],
    migrationsTableName: 'schema_migrations',
    migrationsTransactionMode: 'each',
    synchronize: false,
    logging: false,
    ...(onDamage === undefined ? {} : { logger: damageListener(onDamage) }),
    poolSize,
    connectTimeoutMS: 10_000,
    // A start-up parameter, so that it holds for every connection the pool ever opens.
    extra: { options: `-c search_path=${identifier(schema)}`, Client: PreparingClient },
  };
};

/** Runs `use` while this process alone holds the lock of that name in this database. */
const withAdvisoryLock = async (
  url: string,
  name: string,
  use: (client: pg.Client) => Promise<void>,
): Promise<void> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined); // the query under way rejects
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [name]);
    await use(client);
  } finally {
    await client.end(); // and with it the lock
  }
};

const nameOf = (migration: ClassList[number]): string =>
  typeof migration === 'function' ? migration.name : String(migration);

/** In steps that each are whole or did not happen, so that a killed process is followed by one that goes on. */
const takeOver = async (sql: Sql, database: ServiceDatabase): Promise<void> => {
  const { schema, takesOver, migrations } = database;
  if (takesOver === undefined || !(await isToTakeOver(sql, schema, takesOver))) return;
  const step = takeOverMigration(schema, takesOver, migrations.map(nameOf));
  const dataSource = new DataSource(serviceDataSourceOptions({ ...database, entities: [], migrations: [step] }));
  await dataSource.initialize();
  try {
    await dataSource.runMigrations();
  } finally {
    await dataSource.destroy();
  }
};

/**
 * Opens a service's database: creates its schema, runs what is missing of its migrations (one process at a time, others wait), and
 * returns the connected data source. Safe to call from several services and replicas at once.
 * @throws NewerData a newer release changed the schema in a way that this program must not touch; nothing was changed
 */
export const createServiceDataSource = async (database: ServiceDatabase): Promise<DataSource> => {
  const dataSource = new DataSource(serviceDataSourceOptions(database));
  await withAdvisoryLock(database.url, migrationLock(database.schema), async (client) => {
    const sql: Sql = async <Row>(text: string, parameters: readonly unknown[] = []) =>
      (await client.query(text, [...parameters])).rows as Row[];
    await checkSchemaFormat(sql, database.schema);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${identifier(database.schema)}`);
    await stateSchemaFormat(sql, database.schema);
    await takeOver(sql, database);
    await dataSource.initialize();
    try {
      await dataSource.runMigrations();
    } catch (error) {
      await dataSource.destroy();
      throw error;
    }
  });
  return dataSource;
};
