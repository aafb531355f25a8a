import {
  DataKeyOwners1790001500100,
  DataKeys1790001500000,
  DataKeysNamed1790001500200,
  DataKeysUnnamed1790001640000,
  KeysNamedAnew1790001530000,
} from '@fornax/service-kit';
import { SecretAccesses1790001520000 } from './1790001520000-secret-accesses.migration.js';
import { NumberedAccesses1790001650000 } from './1790001650000-numbered-accesses.migration.js';
import { Secrets1790001510000 } from './1790001510000-secrets.migration.js';

/** What the database of tasks holds of secrets. */
export const SECRET_MIGRATIONS = [
  DataKeys1790001500000,
  DataKeyOwners1790001500100,
  DataKeysNamed1790001500200,
  Secrets1790001510000,
  SecretAccesses1790001520000,
  KeysNamedAnew1790001530000,
  DataKeysUnnamed1790001640000,
  NumberedAccesses1790001650000,
];
