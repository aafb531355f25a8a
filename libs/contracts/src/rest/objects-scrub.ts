import { z } from 'zod';

const count = z.int().min(0);

/** What a look through a part of the stored bytes found. */
export const objectsScrubSchema = z.object({
  objects: count.describe('Objects that were read to their end, or found to be damaged.'),
  bytes: count.describe('Bytes of those objects.'),
  findings: z
    .array(
      z.object({
        bucket: z.string(),
        key: z.string(),
        etag: z.string().exactOptional(),
        reason: z.string(),
        since: z
          .string()
          .exactOptional()
          .describe('When a scrub has found it first, ISO 8601; absent outside of buckets.'),
      }),
    )
    .describe('Objects of which the bytes are not there, or other ones than were stored.'),
  next: z
    .string()
    .nullable()
    .describe('Where the next part begins: `after` of the next request. Null when everything was looked at.'),
  orphans: count
    .nullable()
    .describe(
      'Files that belong to no object, of uploads that were cut off; they are removed by themselves. Counted with the last part.',
    ),
});

export type ObjectsScrub = Readonly<z.output<typeof objectsScrubSchema>>;
