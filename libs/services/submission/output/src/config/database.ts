import type { DynamicModule } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { serviceDatabase } from '@fornax/service-kit';
import { OUTPUT_MIGRATIONS } from '../migrations/output-migrations.js';

/** Name of the database of output: its schema in Postgres and the place of its checkpoints. */
export const DATABASE = 'output';

/** Parameter: the database of output. */
export const InjectDatabase = (): ParameterDecorator => InjectDataSource(DATABASE);

/** What releases before format 2 keep in the schema of the service. */
const OF_BEFORE = {
  from: 'submission',
  tables: [
    'log_checkpoint',
    'log_chunk',
    'log_stream',
    'log_attempt',
    'log_cursor',
    'log_part',
    'log_segment',
    'log_archived',
    'log_garbage',
    'log_forgotten',
  ],
  followers: ['output-cleanup'],
} as const;

/** Output is taken in by one transaction at a time, archived by one more; the others read. */
const MOST_CONNECTIONS = 6;

/** What is opened, and what is taken over at the first start after an update. */
export const OUTPUT_DATABASE = {
  migrations: [...OUTPUT_MIGRATIONS],
  poolSize: MOST_CONNECTIONS,
  takesOver: OF_BEFORE,
};

/** Opens the database of output. */
export const outputDatabase = (): DynamicModule =>
  serviceDatabase(DATABASE, OUTPUT_DATABASE.migrations, OUTPUT_DATABASE);
