import { z } from 'zod';
import { count, instant } from './scalars.js';

export const logArchiveEvents = {
  LogSegmentArchived: {
    version: 1,
    aggregate: 'log-archive',
    schema: z.object({
      number: count,
      from: count,
      to: count,
      messages: count,
      previous: z.string(),
      hash: z.string(),
      sizeBytes: count,
      key: z.string(),
      at: instant,
    }),
  },
  LogPrefixLeft: {
    version: 1,
    aggregate: 'log-archive',
    schema: z.object({ to: count, number: count, hash: z.string(), lastAt: instant, at: instant }),
  },
} as const;
