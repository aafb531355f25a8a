import { z } from 'zod';
import { projectSchema } from './account-output.js';
import { parseWireDate } from './time-on-the-wire.js';

const ROLES = ['user', 'auditor', 'coordinator', 'operator'] as const;
const PROJECT_ROLES = ['viewer', 'member', 'maintainer'] as const;
/** In any case. */
const role = z.string().toLowerCase().pipe(z.enum(ROLES));
const INT32_MAX = 2_147_483_647;

/** Text of one line that a person reads. */
const line = (max: number): z.ZodString =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, 'The value holds control characters.');
const name = line(120);
const description = z.string().trim().max(1_000);
/** What S3 clients can sign with: no white space, no slash, no characters that mean something in a URL or a list. */
const email = z
  .string()
  .trim()
  .max(254)
  .regex(/^[^\s@/\\,;:<>()[\]"%?#]+@[^\s@/\\,;:<>()[\]"%?#]+$/, 'The value is not an e-mail address.');
const slug = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'A slug is made of lower-case letters, digits and "-".');
const instant = z.string().transform((text, context): number => {
  const at = parseWireDate(text);
  if (at !== undefined) return at;
  context.addIssue({ code: 'custom', message: 'The value is not a date.' });
  return z.NEVER;
});

const ceiling = z.int().nonnegative().max(INT32_MAX);
const planCeilings = z.object({ maxInstances: ceiling.exactOptional(), maxCores: ceiling.exactOptional() });
const bytes = z.int().nonnegative();
const objects = z.int().nonnegative();
/** "none" lifts a ceiling: null on the wire says nothing (contract, section 1.4). */
const liftable = <Ceiling extends z.ZodType>(ceilingItself: Ceiling) =>
  z.union([ceilingItself, z.literal('none').transform(() => null)]).exactOptional();
const quotaChange = z.object({
  maxTasks: ceiling.exactOptional(),
  maxJobs: ceiling.exactOptional(),
  maxPools: ceiling.exactOptional(),
  maxRunningPools: ceiling.exactOptional(),
  maxBuckets: ceiling.exactOptional(),
  maxStorageBytes: bytes.exactOptional(),
  maxObjects: liftable(objects),
  maxInstances: ceiling.exactOptional(),
  maxCores: ceiling.exactOptional(),
  flex: planCeilings.exactOptional(),
  onDemand: planCeilings.exactOptional(),
});
const storageChange = z.object({
  maxBuckets: liftable(ceiling),
  maxStorageBytes: liftable(bytes),
  maxObjects: liftable(objects),
});
const sharedChange = quotaChange
  .omit({ maxTasks: true, maxJobs: true, maxPools: true, maxRunningPools: true })
  .extend(storageChange.shape);

/** Body of POST /fornax/v1/users. What quotas do not say is as for every new user. */
export const userCreationSchema = z.object({
  email,
  role: role.exactOptional(),
  /** Id or name. */
  organization: name.exactOptional(),
  quotas: quotaChange.exactOptional(),
});
export type UserCreation = z.output<typeof userCreationSchema>;

/** Body of PATCH /fornax/v1/users/{id}: what is absent stays. */
export const userChangeSchema = z.object({
  role: role.exactOptional(),
  disabled: z.boolean().exactOptional(),
  /** Id or name; empty text takes the user out of its organization. */
  organization: z.string().trim().max(120).exactOptional(),
  /** How the OpenID provider of this platform calls the user, who then signs in by it; empty text for not at all. */
  openIdSubject: z.string().max(255).exactOptional(),
  quotas: quotaChange.exactOptional(),
});
export type UserChange = z.output<typeof userChangeSchema>;

export const organizationCreationSchema = z.object({ name, quotas: sharedChange.exactOptional() });
export type OrganizationCreation = z.output<typeof organizationCreationSchema>;
export const organizationChangeSchema = z.object({ quotas: sharedChange });
export type OrganizationChange = z.output<typeof organizationChangeSchema>;

/** Body of POST …/tokens. */
export const tokenCreationSchema = z.object({ name, expirationDate: instant.exactOptional() });
export type TokenCreation = z.output<typeof tokenCreationSchema>;

/** Body of POST /fornax/v1/me/projects. */
export const projectCreationSchema = z.object({
  name,
  slug: slug.exactOptional(),
  description: description.exactOptional(),
});
export type ProjectCreation = z.output<typeof projectCreationSchema>;
/** Body of POST /fornax/v1/projects: for one user or for one organization. */
export const ownedProjectCreationSchema = projectCreationSchema.extend({
  user: line(254).exactOptional(),
  organization: name.exactOptional(),
});
export type OwnedProjectCreation = z.output<typeof ownedProjectCreationSchema>;
/** Body of PATCH …/projects/{id}. */
export const projectChangeSchema = z.object({
  name: name.exactOptional(),
  description: description.exactOptional(),
  /** `true` only: another project becomes the default one by being chosen itself. */
  isDefault: z.literal(true).exactOptional(),
  /** `true` only: an archived project stays archived. */
  archived: z.literal(true).exactOptional(),
  /** What its buckets may hold together; an operator changes it. */
  quotas: storageChange.exactOptional(),
});
export type ProjectChange = z.output<typeof projectChangeSchema>;

const shownPlan = z.object({ maxInstances: ceiling, maxCores: ceiling });
const shownComputing = shownPlan.extend({ flex: shownPlan, onDemand: shownPlan });
/** Null: no ceiling. */
const shownStorage = z.object({
  maxBuckets: ceiling.nullable(),
  maxStorageBytes: z.number().nullable(),
  maxObjects: z.number().nullable(),
});
const quotas = shownComputing.extend({
  maxTasks: ceiling,
  maxJobs: ceiling,
  maxPools: ceiling,
  maxRunningPools: ceiling,
  maxBuckets: ceiling,
  maxStorageBytes: z.number(),
  maxObjects: shownStorage.shape.maxObjects,
});
const belongsTo = z.object({ uuid: z.string(), name: z.string() });
const date = z.string();

/** A user as operators, and the user itself, see it. */
export const userSchema = z.object({
  uuid: z.string(),
  email: z.string(),
  role: z.enum(ROLES),
  disabled: z.boolean(),
  organization: belongsTo.nullable(),
  quotas,
  creationDate: date,
});
export type WireUser = z.output<typeof userSchema>;

export const organizationSchema = z.object({
  uuid: z.string(),
  name: z.string(),
  quotas: shownComputing.extend(shownStorage.shape),
  members: z.int().nonnegative(),
  creationDate: date,
});
export type WireOrganization = z.output<typeof organizationSchema>;

/** A token as it is listed: nothing of it that opens anything. */
export const tokenSchema = z.object({
  id: z.string(),
  name: z.string(),
  creationDate: date,
  expirationDate: date.nullable(),
  isExpired: z.boolean(),
});
export type WireToken = z.output<typeof tokenSchema>;
/** The answer that creates a token: the only one that ever shows it. */
export const newTokenSchema = tokenSchema.extend({ token: z.string() });
export type WireNewToken = z.output<typeof newTokenSchema>;

/** A project as its owners and operators see it. */
export const ownedProjectSchema = projectSchema.extend({
  archived: z.boolean(),
  user: belongsTo.nullable(),
  quotas: shownStorage,
  members: z.int().nonnegative().nullable().describe('How many it has; null: it is for all of its owner’s.'),
});
export type WireOwnedProject = z.output<typeof ownedProjectSchema>;

/** A member of a project that an organization shares. */
export const projectMemberSchema = z.object({ user: belongsTo, role: z.enum(PROJECT_ROLES) });
export type WireProjectMember = z.output<typeof projectMemberSchema>;
/** Body of PUT /fornax/v1/projects/{id}/members/{user}. */
export const projectMemberChangeSchema = z.object({
  role: z.string().toLowerCase().pipe(z.enum(PROJECT_ROLES)),
});
export type ProjectMemberChange = z.output<typeof projectMemberChangeSchema>;
/** A project that an organization shares, of which the caller sees everybody's tasks. */
export const sharedProjectSchema = z.object({
  project: ownedProjectSchema,
  role: z.enum(PROJECT_ROLES).nullable().describe('Null for who looks after all of the organization.'),
  mayManage: z.boolean().describe('Whether the caller says who its members are.'),
});
export type WireSharedProject = z.output<typeof sharedProjectSchema>;

export const meSchema = userSchema.extend({
  /** The token of this request. */
  token: z.string(),
  projects: z.array(projectSchema),
});
export type WireMe = z.output<typeof meSchema>;

const MOST_USERS = 500;
/** Query of GET /fornax/v1/users. */
export const userPageQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(MOST_USERS).default(100),
  offset: z.coerce.number().int().nonnegative().default(0),
});
export type UserPageQuery = z.output<typeof userPageQuerySchema>;
/** Users in the order in which they were made. */
export const userPageSchema = z.object({
  data: z.array(userSchema),
  offset: z.int(),
  limit: z.int(),
  total: z.int(),
});
export type WireUserPage = z.output<typeof userPageSchema>;
