import { z } from 'zod';
import { instant } from './scalars.js';

export const masterKeyEvents = {
  MasterKeySucceeded: {
    version: 1,
    aggregate: 'master-key',
    schema: z.object({ keyId: z.string(), by: z.string(), sealed: z.string(), at: instant }),
  },
} as const;
