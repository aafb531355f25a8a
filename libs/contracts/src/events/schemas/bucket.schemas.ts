import { z } from 'zod';
import { count, instant } from './scalars.js';

/** With whom a bucket is shared. */
const grantee = z.object({ kind: z.enum(['user', 'project', 'organization']), id: z.string() });

export const bucketEvents = {
  BucketCreated: {
    version: 1,
    aggregate: 'bucket',
    schema: z.object({ bucket: z.string(), owner: z.string(), projectId: z.string().exactOptional(), at: instant }),
  },
  BucketDeleted: { version: 1, aggregate: 'bucket', schema: z.object({ bucket: z.string(), at: instant }) },
  BucketExpirySet: {
    version: 1,
    aggregate: 'bucket',
    schema: z.object({ bucket: z.string(), prefix: z.string(), afterSeconds: count, at: instant }),
  },
  BucketExpiryRemoved: {
    version: 1,
    aggregate: 'bucket',
    schema: z.object({ bucket: z.string(), prefix: z.string(), at: instant }),
  },
  BucketObjectsExpired: {
    version: 1,
    aggregate: 'bucket',
    schema: z.object({
      bucket: z.string(),
      prefix: z.string(),
      before: instant,
      after: z.string().nullable(),
      through: z.string(),
      objects: count,
      bytes: z.number(),
      names: z.array(z.string()),
      at: instant,
    }),
  },
  BucketDamageFound: {
    version: 1,
    aggregate: 'bucket',
    schema: z.object({
      bucket: z.string(),
      objects: z.array(z.object({ key: z.string(), etag: z.string(), reason: z.string() })),
      at: instant,
    }),
  },
  BucketDamageEnded: {
    version: 1,
    aggregate: 'bucket',
    schema: z.object({ bucket: z.string(), keys: z.array(z.string()), at: instant }),
  },
  BucketGranted: {
    version: 1,
    aggregate: 'bucket',
    schema: z.object({ bucket: z.string(), grantee, access: z.enum(['read', 'write']), at: instant }),
  },
  BucketGrantRevoked: {
    version: 1,
    aggregate: 'bucket',
    schema: z.object({ bucket: z.string(), grantee, at: instant }),
  },
} as const;
