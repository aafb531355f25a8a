import type { DynamicModule } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { serviceDatabase } from '@fornax/service-kit';
import { NOTIFY_MIGRATIONS } from '../migrations/notify-migrations.js';

/** Name of the database of webhooks: its schema in Postgres and the place of its checkpoints. */
export const DATABASE = 'notify';

/** Parameter: the database of webhooks. */
export const InjectDatabase = (): ParameterDecorator => InjectDataSource(DATABASE);

/** What releases before format 2 keep in the schema of the service. */
const OF_BEFORE = { from: 'submission', tables: ['webhook', 'webhook_delivery'], followers: ['webhooks'] } as const;

/** One projection, and short statements of those that deliver. */
const MOST_CONNECTIONS = 4;

/** What is opened, and what is taken over at the first start after an update. */
export const NOTIFY_DATABASE = {
  migrations: [...NOTIFY_MIGRATIONS],
  poolSize: MOST_CONNECTIONS,
  takesOver: OF_BEFORE,
};

/** Opens the database of webhooks. */
export const notifyDatabase = (): DynamicModule =>
  serviceDatabase(DATABASE, NOTIFY_DATABASE.migrations, NOTIFY_DATABASE);
