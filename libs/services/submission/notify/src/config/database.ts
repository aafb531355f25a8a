import { InjectDataSource } from '@nestjs/typeorm';

/** Name of the database of webhooks: its schema in Postgres and the place of its checkpoints. */
export const DATABASE = 'submission';

/** Parameter: the database of webhooks. */
export const InjectDatabase = (): ParameterDecorator => InjectDataSource(DATABASE);
