import {
  int32,
  wireDate,
  type WireOrganization,
  type WireOwnedProject,
  type WireProject,
  type WireToken,
  type WireUser,
} from '@fornax/contracts';
import {
  maxJobsOf,
  maxPoolsOf,
  maxRunningPoolsOf,
  quotasOfPlan,
  type ComputingQuotas,
  type StorageQuotas,
} from '@fornax/domain';
import type { Account, AccountDirectory, Organisation, Project, TokenFacts } from '@fornax/identity';

/** One client holds the organization's id in a value type: the zero Guid stands for none (contract, 5.2). */
const ZERO_GUID = '00000000-0000-0000-0000-000000000000';

const planOf = ({ maxInstances, maxCores }: { readonly maxInstances: number; readonly maxCores: number }) => ({
  maxInstances: int32(maxInstances),
  maxCores: int32(maxCores),
});

const computingOf = (quotas: ComputingQuotas) => ({
  ...planOf(quotas),
  flex: planOf(quotasOfPlan(quotas, 'flex')),
  onDemand: planOf(quotasOfPlan(quotas, 'onDemand')),
});

const storageOf = ({ maxBuckets, maxStorageBytes, maxObjects }: StorageQuotas) => ({
  maxBuckets: maxBuckets === undefined ? null : int32(maxBuckets),
  maxStorageBytes: maxStorageBytes ?? null,
  maxObjects: maxObjects ?? null,
});

export const wireUser = (account: Account, accounts: AccountDirectory): WireUser => {
  const { id, email, role, isDisabled, organisationId, quotas, createdAt } = account;
  const organisation = organisationId === null ? undefined : accounts.organisation(organisationId);
  return {
    uuid: id,
    email,
    role,
    disabled: isDisabled,
    organization: organisation ? { uuid: organisation.id, name: organisation.name } : null,
    quotas: {
      ...computingOf(quotas),
      maxTasks: int32(quotas.maxTasks),
      maxJobs: int32(maxJobsOf(quotas)),
      maxPools: int32(maxPoolsOf(quotas)),
      maxRunningPools: int32(maxRunningPoolsOf(quotas)),
      maxBuckets: int32(quotas.maxBuckets),
      maxStorageBytes: quotas.maxStorageBytes,
      maxObjects: quotas.maxObjects ?? null,
    },
    creationDate: wireDate(createdAt),
  };
};

export const wireOrganization = (organisation: Organisation, accounts: AccountDirectory): WireOrganization => ({
  uuid: organisation.id,
  name: organisation.name,
  quotas: { ...computingOf(organisation.quotas), ...storageOf(organisation.quotas) },
  members: accounts.membersOf(organisation.id).length,
  creationDate: wireDate(organisation.createdAt),
});

export const wireToken = ({ id, name, createdAt, expiresAt }: TokenFacts, now: number): WireToken => ({
  id,
  name,
  creationDate: wireDate(createdAt),
  expirationDate: expiresAt === null ? null : wireDate(expiresAt),
  isExpired: expiresAt !== null && expiresAt <= now,
});

export const wireProject = (project: Project & { readonly isDefault: boolean }): WireProject => ({
  uuid: project.id,
  name: project.name,
  slug: project.slug,
  description: project.description,
  organizationUuid: project.ownerKind === 'organisation' ? project.ownerId : ZERO_GUID,
  isDefault: project.isDefault,
});

/** @param isDefault of its owner, or of the account that looks */
export const wireOwnedProject = (
  project: Project,
  isDefault: boolean,
  accounts: AccountDirectory,
): WireOwnedProject => {
  const owner = project.ownerKind === 'account' ? accounts.byId(project.ownerId) : undefined;
  return {
    ...wireProject({ ...project, isDefault }),
    archived: project.isArchived,
    user: owner ? { uuid: owner.id, name: owner.email } : null,
    quotas: storageOf(project.quotas),
    members: project.members ? int32(project.members.size) : null,
  };
};
