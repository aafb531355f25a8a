import type { AccountQuotas, OrganisationQuotas } from '@fornax/domain';

/** The operator of a fresh platform is held back by the machine alone; counters stay within 32 bits (contract, section 3). */
export const OPERATOR_QUOTAS: AccountQuotas = {
  maxTasks: 1_000_000,
  maxBuckets: 10_000,
  maxStorageBytes: 1_000_000_000_000_000,
  maxInstances: 1_000_000,
  maxCores: 1_000_000,
};

/** What a new user has where nobody says otherwise. */
export const USER_QUOTAS: AccountQuotas = {
  maxTasks: 10_000,
  maxBuckets: 100,
  maxStorageBytes: 100_000_000_000,
  maxObjects: 10_000_000,
  maxInstances: 100_000,
  maxCores: 10_000,
};

/** What a new organization has where nobody says otherwise: its members' own quotas decide. */
export const ORGANISATION_QUOTAS: OrganisationQuotas = { maxInstances: 1_000_000, maxCores: 1_000_000 };
