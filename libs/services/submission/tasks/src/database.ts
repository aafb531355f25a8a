/** Name of the database of tasks: its schema in Postgres and the place of its checkpoints. */
export const DATABASE = 'submission';
