import { InjectDataSource } from '@nestjs/typeorm';

/** Name of the database of submission, in whose schema profiles are kept. */
export const DATABASE = 'submission';

/** Parameter: that database. */
export const InjectDatabase = (): ParameterDecorator => InjectDataSource(DATABASE);
