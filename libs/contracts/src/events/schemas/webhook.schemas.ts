import { z } from 'zod';
import { count, instant } from './scalars.js';

export const webhookEvents = {
  WebhookRegistered: {
    version: 1,
    aggregate: 'webhook',
    schema: z.object({
      webhookId: z.string(),
      owner: z.string(),
      name: z.string(),
      host: z.string(),
      sealedUrl: z.string(),
      sealedSecret: z.string(),
      filter: z.object({ tasks: z.array(z.string()).nullable(), types: z.array(z.string()).nullable() }),
      after: count,
      at: instant,
    }),
  },
  WebhookParked: {
    version: 1,
    aggregate: 'webhook',
    schema: z.object({ reason: z.string(), sequence: count, at: instant }),
  },
  WebhookResumed: { version: 1, aggregate: 'webhook', schema: z.object({ at: instant }) },
  WebhookReplayed: { version: 1, aggregate: 'webhook', schema: z.object({ after: count, at: instant }) },
  WebhookDeleted: { version: 1, aggregate: 'webhook', schema: z.object({ at: instant }) },
} as const;
