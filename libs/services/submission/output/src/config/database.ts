import { InjectDataSource } from '@nestjs/typeorm';

/** Name of the database of output: its schema in Postgres and the place of its checkpoints. */
export const DATABASE = 'submission';

/** Parameter: the database of output. */
export const InjectDatabase = (): ParameterDecorator => InjectDataSource(DATABASE);
