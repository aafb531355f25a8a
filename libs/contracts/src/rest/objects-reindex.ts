import { z } from 'zod';

const count = z.int().min(0);

/** What making the index of objects again from the files on disk found and did. Nothing was deleted. */
export const objectsReindexSchema = z.object({
  files: count.describe('Files that were looked at.'),
  restored: count.describe('Objects that the index did not know, or knew only in an older version, and knows now.'),
  known: count.describe('Objects that were on disk and in the index already.'),
  withoutBucket: count.describe('Objects on disk whose bucket does not exist; not restored.'),
  damaged: count.describe('Objects on disk with a file missing or short; not restored.'),
  setAside: count.describe(
    'Files that belong to no object that could be told: they lie in the folder `set-aside` now.',
  ),
  missing: count.describe('Objects of the index with a file missing or short: reading them fails.'),
  forgotten: z.boolean().describe('Whether the missing ones were taken out of the index, because that was asked for.'),
  examples: z.array(z.string()).describe('Some of the damaged and the missing ones, as `<bucket>/<key>`.'),
});

export type ObjectsReindex = Readonly<z.output<typeof objectsReindexSchema>>;
