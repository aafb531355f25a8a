import { InjectDataSource } from '@nestjs/typeorm';

/** Name of the database of tasks: its schema in Postgres and the place of its checkpoints. */
export const DATABASE = 'submission';

/** Parameter: the database of tasks. */
export const InjectDatabase = (): ParameterDecorator => InjectDataSource(DATABASE);
