import type { DynamicModule, Type } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import pg from 'pg';
import { DataSource, type DataSourceOptions, type EntitySchema, type MigrationInterface } from 'typeorm';
import type { CoreConfig } from '../config/core-config.js';
import { HealthRegistry } from '../core/health.registry.js';
import { CORE_CONFIG } from '../core/tokens.js';
import { ProjectionCheckpoint1767225600000 } from './base.migration.js';

/** The Postgres schema of a service: its name with underscores. */
export const schemaOf = (service: string): string => service.replaceAll('-', '_');

const POOL_SIZE = 10;
const CONNECT_TIMEOUT_MS = 5000;
/** Any number, the same everywhere: who holds this advisory lock may change schemas. */
const MIGRATION_LOCK = 7_261_021;

export const serviceDataSourceOptions = (
  url: string,
  service: string,
  migrations: readonly Type<MigrationInterface>[],
  entities: readonly (Type | EntitySchema)[] = [],
): DataSourceOptions => ({
  type: 'postgres',
  url,
  schema: schemaOf(service),
  applicationName: `fornax-${service}`,
  entities: [...entities],
  migrations: [ProjectionCheckpoint1767225600000, ...migrations],
  migrationsTableName: 'migrations',
  migrationsTransactionMode: 'each',
  poolSize: POOL_SIZE,
  connectTimeoutMS: CONNECT_TIMEOUT_MS,
  // Tables are named without their schema: so a rebuild runs the same statements beside, in another schema.
  extra: { options: `-c search_path=${schemaOf(service)}` },
});

/**
 * Makes the schema and runs what migrations are missing. Replicas that start together take turns; one that comes second finds
 * nothing to do.
 */
export const migrate = async (url: string, service: string, open: () => Promise<DataSource>): Promise<DataSource> => {
  const lock = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  await lock.connect();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await lock.query(`CREATE SCHEMA IF NOT EXISTS "${schemaOf(service)}"`);
    const db = await open();
    await db.runMigrations();
    return db;
  } finally {
    // Ending the session releases the lock.
    await lock.end();
  }
};

/**
 * The service's own DataSource (one schema, `search_path` set, migrations run), injected by `@InjectDataSource('<service>')`.
 * The table `projection_checkpoint` is always there.
 */
export const serviceDatabase = (
  service: string,
  migrations: readonly Type<MigrationInterface>[],
  entities: readonly (Type | EntitySchema)[] = [],
): DynamicModule => {
  let health: HealthRegistry | undefined;
  const name = `database ${service}`;
  return TypeOrmModule.forRootAsync({
    name: service,
    inject: [CORE_CONFIG, HealthRegistry],
    useFactory: (config: CoreConfig, registry: HealthRegistry) => {
      health = registry;
      health.readiness(name, () => 'not migrated yet');
      return { ...serviceDataSourceOptions(config.databaseUrl, service, migrations, entities), retryAttempts: 20, retryDelay: 1000 };
    },
    dataSourceFactory: async (options) => {
      if (options?.type !== 'postgres' || options.url === undefined) throw new Error('the database must be PostgreSQL');
      const db = await migrate(options.url, service, () => new DataSource(options).initialize());
      health?.readiness(name, () => db.query('SELECT 1').then(() => undefined));
      return db;
    },
  });
};
