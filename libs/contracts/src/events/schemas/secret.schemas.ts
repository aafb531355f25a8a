import { z } from 'zod';
import { count, instant } from './scalars.js';

export const secretEvents = {
  SecretCreated: {
    version: 1,
    aggregate: 'secret',
    schema: z.object({
      owner: z.string(),
      key: z.string(),
      version: count,
      keyId: z.string(),
      sealed: z.string(),
      at: instant,
    }),
  },
  SecretChanged: {
    version: 1,
    aggregate: 'secret',
    schema: z.object({ version: count, sealed: z.string(), restoredFrom: count.exactOptional(), at: instant }),
  },
  SecretRead: { version: 1, aggregate: 'secret', schema: z.object({ version: count, at: instant }) },
  SecretsGranted: {
    version: 1,
    aggregate: 'secret-access',
    schema: z.object({
      owner: z.string(),
      taskId: z.string(),
      instance: count,
      leaseId: z.string(),
      node: z.string(),
      secrets: z.array(z.object({ key: z.string(), version: count })),
      onRequest: z.literal(true).exactOptional(),
      at: instant,
    }),
  },
  SecretDeleted: { version: 1, aggregate: 'secret', schema: z.object({ keyId: z.string(), at: instant }) },
} as const;
