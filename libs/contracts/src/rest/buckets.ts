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

/** What a link to a bucket, or to an object of it, is for. */
const LINK_OPERATIONS = [
  'make',
  'list',
  'read',
  'store',
  'remove',
  'begin',
  'part',
  'complete',
  'cancel',
  'uploads',
  'parts',
] as const;
/** Of a bucket as a whole. */
const OF_BUCKETS: readonly string[] = ['make', 'list', 'uploads'] satisfies readonly (typeof LINK_OPERATIONS)[number][];
/** Of an upload that was begun. */
const OF_UPLOADS: readonly string[] = [
  'part',
  'complete',
  'cancel',
  'parts',
] satisfies readonly (typeof LINK_OPERATIONS)[number][];
/** Largest number of links of one answer. */
const MOST_LINKS = 100;
const WEEK_MINUTES = 10_080;

const partNumber = z.coerce.number().int().min(1).max(10_000);

/** Query of GET /fornax/v1/buckets/{name}/links. */
export const bucketLinksQuerySchema = z
  .object({
    operation: z
      .enum(LINK_OPERATIONS)
      .describe(
        '`make` the bucket; `list` objects, `read`, `store` or `remove` one; `begin` an upload in parts, store each `part`, `complete` or `cancel` it; `uploads` lists those that neither ended nor were cancelled, `parts` what came of one.',
      ),
    key: z.string().max(1_024).optional().describe('Of the object; all but `make`, `list` and `uploads` need it.'),
    prefix: z.string().max(1_024).optional().describe('`list` and `uploads`: what begins so.'),
    delimiter: z.literal('/').optional().describe('`list`: folders as one.'),
    after: z.string().max(2_048).optional().describe('`list`: the continuation token of the page before.'),
    upload: z.string().max(256).optional().describe('Id of the upload that was begun.'),
    from: partNumber
      .optional()
      .describe('`part`: the first one; `parts`: those from this one on, at most 1,000 at once.'),
    to: partNumber.optional().describe(`\`part\`: the last one; at most ${MOST_LINKS} at once.`),
    type: z
      .enum(['text/plain', 'image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif'])
      .optional()
      .describe('`read`: shown as this; without it, the object is a file to keep.'),
    minutes: z.coerce
      .number()
      .int()
      .min(1)
      .max(WEEK_MINUTES)
      .optional()
      .describe('How long links hold: 15 by default.'),
  })
  .refine(({ operation, key }) => OF_BUCKETS.includes(operation) || (key ?? '') !== '', {
    path: ['key'],
    message: 'names the object',
  })
  .refine(({ operation, upload }) => !OF_UPLOADS.includes(operation) || (upload ?? '') !== '', {
    path: ['upload'],
    message: 'names the upload',
  })
  .refine(
    ({ operation, from = 0, to = from }) => operation !== 'part' || (from > 0 && to >= from && to - from < MOST_LINKS),
    { path: ['from'], message: `begins a range of at most ${MOST_LINKS} parts` },
  );
export type BucketLinksQuery = z.output<typeof bucketLinksQuerySchema>;

/** Links that whoever has them may use, as the account that asked for them. */
export const bucketLinksSchema = z.object({
  method: z.enum(['GET', 'PUT', 'POST', 'DELETE']),
  urls: z.array(z.string()).describe('One; of parts as many as were asked for.'),
  expirationDate: z.string().describe('No later than the end of the token or session that asked.'),
});
export type WireBucketLinks = z.output<typeof bucketLinksSchema>;

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
