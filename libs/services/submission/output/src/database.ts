/** Name of the database of output: its schema in Postgres and the place of its checkpoints. */
export const DATABASE = 'submission';
