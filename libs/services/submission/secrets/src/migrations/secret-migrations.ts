import { DataKeyOwners1790001500100, DataKeys1790001500000, DataKeysNamed1790001500200 } from '@fornax/service-kit';
import { Secrets1790001510000 } from './1790001510000-secrets.migration.js';

/** What the database of tasks holds of secrets. */
export const SECRET_MIGRATIONS = [
  DataKeys1790001500000,
  DataKeyOwners1790001500100,
  DataKeysNamed1790001500200,
  Secrets1790001510000,
];
