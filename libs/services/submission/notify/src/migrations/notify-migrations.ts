import { Webhooks1790000310000 } from './1790000310000-webhooks.migration.js';

/** All that make the tables of webhooks, in order. */
export const NOTIFY_MIGRATIONS = [Webhooks1790000310000] as const;
