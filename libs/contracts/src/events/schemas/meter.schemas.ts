import { z } from 'zod';
import { count, instant } from './scalars.js';

/** A whole number that may be too large for one of JSON. */
const quantity = z.string().regex(/^\d{1,40}$/);

export const meterEvents = {
  StorageMetered: {
    version: 1,
    aggregate: 'meter',
    schema: z.object({
      part: count,
      until: instant,
      readings: z.array(
        z.object({
          bucket: z.string(),
          owner: z.string(),
          projectUuid: z.string().nullable(),
          from: instant,
          until: instant,
          byteSeconds: quantity,
          bytesOut: quantity,
        }),
      ),
      at: instant,
    }),
  },
} as const;
