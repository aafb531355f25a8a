/** Name of the database of webhooks: its schema in Postgres and the place of its checkpoints. */
export const DATABASE = 'submission';
