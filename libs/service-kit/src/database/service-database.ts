import type { DynamicModule } from '@nestjs/common';
import { NewerData } from '@fornax/contracts';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { Logger } from 'pino';
import { createServiceDataSource, serviceDataSourceOptions, type ServiceDatabase } from '@fornax/projections';
import type { CoreConfig } from '../config/core-config.js';
import { ConfigError } from '@fornax/base';
import { HealthRegistry, type Trouble } from '../core/health.registry.js';
import { damagedOf } from './damaged.js';
import { LogWatch } from '../log/watch/log-watch.js';
import { CORE_CONFIG, LOGGER } from '../core/tokens.js';
import { refusalOf } from './refusal.js';
import { Opened } from '../core/opened.js';
import { goneText, hasSchema, watchSchema } from './schema-watch.js';

/** The Postgres schema of a service: its name with underscores. */
export const schemaOf = (service: string): string => service.replaceAll('-', '_');

/** Changes nothing, and is refused all the same by a server that takes no writes: a standby, or one that was made read-only. */
const WRITES = 'UPDATE projection_checkpoint SET sequence = sequence WHERE false';

const CONNECT_ATTEMPTS = 20;
const CONNECT_PAUSE_MS = 1000;
const SCHEMA_LOOK_MS = 2_000;

/**
 * The service's own DataSource (one schema, `search_path` set, migrations run by one replica at a time), injected by
 * `@InjectDataSource('<service>')`. The table `projection_checkpoint` is always there. Waits some seconds for a server that starts.
 */
export const serviceDatabase = (
  service: string,
  migrations: ServiceDatabase['migrations'],
  { entities = [], poolSize, takesOver }: Pick<ServiceDatabase, 'entities' | 'poolSize' | 'takesOver'> = {},
): DynamicModule => {
  const name = `database ${service}`;
  let opened:
    | {
        readonly health: HealthRegistry;
        readonly watch: LogWatch;
        readonly database: ServiceDatabase;
        readonly parts: Opened;
      }
    | undefined;
  let damaged: Trouble | undefined;
  return TypeOrmModule.forRootAsync({
    name: service,
    inject: [CORE_CONFIG, HealthRegistry, LogWatch, LOGGER, Opened],
    useFactory: (config: CoreConfig, health: HealthRegistry, watch: LogWatch, logger: Logger, parts: Opened) => {
      health.readiness(name, () => damaged ?? 'not migrated yet');
      const database: ServiceDatabase = {
        url: config.databaseUrl,
        schema: schemaOf(service),
        migrations,
        entities,
        ...(poolSize === undefined ? {} : { poolSize }),
        ...(takesOver === undefined ? {} : { takesOver }),
        onDamage: (said) => {
          if (damaged === undefined) logger.error({ ways: damagedOf(said).ways }, damagedOf(said).reason);
          damaged ??= damagedOf(said);
        },
      };
      opened = { health, watch, database, parts };
      return {
        ...serviceDataSourceOptions(database),
        retryAttempts: CONNECT_ATTEMPTS,
        retryDelay: CONNECT_PAUSE_MS,
        toRetry: (error: unknown) => !(error instanceof NewerData || error instanceof ConfigError),
      };
    },
    dataSourceFactory: async () => {
      if (!opened) throw new Error(`no options for the database of ${service}`);
      const db = await createServiceDataSource(opened.database).catch(refusalOf(opened.database.url));
      opened.parts.add(() => db.destroy());
      const { schema } = opened.database;
      opened.health.readiness(name, async () => {
        if (damaged !== undefined) return damaged;
        if (!(await hasSchema(db))) return goneText(schema);
        await db.query(WRITES);
        return undefined;
      });
      watchSchema(db, schema, SCHEMA_LOOK_MS, (error) => {
        throw error; // nobody handles it: the process ends with this sentence, and whoever started it starts it again
      });
      opened.watch.guard(service, db);
      return db;
    },
  });
};
