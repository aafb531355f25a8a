import { z } from 'zod';
import { instant } from './scalars.js';

const role = z.enum(['user', 'auditor', 'coordinator', 'operator']);
const planQuotas = z.object({ maxInstances: z.number(), maxCores: z.number() });
const computingQuotas = planQuotas.extend({ flex: planQuotas.exactOptional(), onDemand: planQuotas.exactOptional() });
const storageQuotas = z.object({
  maxBuckets: z.number().exactOptional(),
  maxStorageBytes: z.number().exactOptional(),
  maxObjects: z.number().exactOptional(),
});

const organisationQuotas = computingQuotas.extend(storageQuotas.shape);
const quotas = organisationQuotas.extend({
  maxTasks: z.number(),
  maxJobs: z.number().exactOptional(),
  maxPools: z.number().exactOptional(),
  maxRunningPools: z.number().exactOptional(),
  maxBuckets: z.number(),
  maxStorageBytes: z.number(),
});

const aboutAccount = { accountId: z.string(), at: instant };
const aboutIdentity = { ...aboutAccount, issuer: z.string(), subject: z.string() };
const aboutProject = { projectId: z.string(), at: instant };
const aboutMember = { ...aboutProject, accountId: z.string() };
const namedProject = { ...aboutProject, name: z.string(), description: z.string() };

export const accountEvents = {
  AccountCreated: {
    version: 1,
    aggregate: 'account',
    schema: z.object({
      ...aboutAccount,
      email: z.string(),
      role,
      quotas,
      organisationId: z.string().exactOptional(),
    }),
  },
  TokenIssued: {
    version: 1,
    aggregate: 'account',
    schema: z.object({
      accountId: z.string(),
      email: z.string(),
      role,
      tokenId: z.string(),
      name: z.string(),
      hash: z.string(),
      sealedSecret: z.string(),
      expiresAt: instant.exactOptional(),
      at: instant,
    }),
  },
  TokenRevoked: { version: 1, aggregate: 'account', schema: z.object({ tokenId: z.string(), at: instant }) },
  RoleChanged: { version: 1, aggregate: 'account', schema: z.object({ ...aboutAccount, role }) },
  QuotasChanged: { version: 1, aggregate: 'account', schema: z.object({ ...aboutAccount, quotas }) },
  IdentityLinked: { version: 1, aggregate: 'account', schema: z.object(aboutIdentity) },
  IdentityUnlinked: { version: 1, aggregate: 'account', schema: z.object(aboutIdentity) },
  AccountDisabled: { version: 1, aggregate: 'account', schema: z.object(aboutAccount) },
  AccountEnabled: { version: 1, aggregate: 'account', schema: z.object(aboutAccount) },
  OrganisationChanged: {
    version: 1,
    aggregate: 'account',
    schema: z.object({ ...aboutAccount, organisationId: z.string().nullable() }),
  },
  OrganisationCreated: {
    version: 1,
    aggregate: 'account',
    schema: z.object({ organisationId: z.string(), name: z.string(), quotas: organisationQuotas, at: instant }),
  },
  OrganisationQuotasChanged: {
    version: 1,
    aggregate: 'account',
    schema: z.object({ organisationId: z.string(), quotas: organisationQuotas, at: instant }),
  },
  ProjectCreated: {
    version: 1,
    aggregate: 'account',
    schema: z.object({
      ...namedProject,
      ownerId: z.string(),
      ownerKind: z.enum(['account', 'organisation']),
      slug: z.string(),
    }),
  },
  ProjectRenamed: { version: 1, aggregate: 'account', schema: z.object(namedProject) },
  ProjectArchived: { version: 1, aggregate: 'account', schema: z.object(aboutProject) },
  ProjectQuotasChanged: {
    version: 1,
    aggregate: 'account',
    schema: z.object({ ...aboutProject, quotas: storageQuotas }),
  },
  ProjectMemberSet: {
    version: 1,
    aggregate: 'account',
    schema: z.object({ ...aboutMember, role: z.enum(['viewer', 'member', 'maintainer']) }),
  },
  ProjectMemberRemoved: { version: 1, aggregate: 'account', schema: z.object(aboutMember) },
  DefaultProjectChosen: {
    version: 1,
    aggregate: 'account',
    schema: z.object({ ...aboutProject, ownerId: z.string() }),
  },
} as const;
