import { z } from 'zod';

const ACCESSES = ['read', 'write'] as const;
const named = z.object({ uuid: z.string(), name: z.string() });

/** With whom a bucket is shared: one user, all who may use a project, or all members of an organization. */
export const granteeKindSchema = z.enum(['user', 'project', 'organization']);

/** Body of PUT /fornax/v1/buckets/{name}/grants/{kind}/{grantee}. */
export const bucketGrantCreationSchema = z.object({
  access: z.enum(ACCESSES).describe('`write` reads, lists, stores and deletes objects; `read` reads and lists.'),
});
export type BucketGrantCreation = z.output<typeof bucketGrantCreationSchema>;

/** A grant as who may manage the bucket sees it. */
export const bucketGrantSchema = z.object({
  kind: granteeKindSchema,
  id: z.string(),
  name: z.string().describe('E-mail of the user, or name of the project or organization.'),
  access: z.enum(ACCESSES),
  grantedAt: z.string(),
});
export type WireBucketGrant = z.output<typeof bucketGrantSchema>;

/** A bucket that the caller owns, or that is shared with it. */
export const bucketListingSchema = z.object({
  name: z.string(),
  createdAt: z.string(),
  objects: z.int().min(0),
  bytes: z.int().min(0),
  access: z.enum(['own', ...ACCESSES]).describe('What the caller may do with it.'),
  owner: named.describe('`name` is the e-mail.'),
  project: named.nullable().describe('Null for a bucket of somebody else.'),
  grants: z
    .array(bucketGrantSchema)
    .nullable()
    .describe('Null for a bucket of somebody else: only its owner sees them.'),
});
export type WireBucket = z.output<typeof bucketListingSchema>;
