import { z } from 'zod';

const count = z.int().min(0);
const held = { objects: count, bytes: count };

/** What stored objects are for: of buckets, or kept by the platform for a task. */
const STORAGE_KINDS = ['objects', 'uploads', 'staged', 'manifests', 'output'] as const;

/** What lies in object storage: by bucket, by task and by kind. */
export const storageUsageSchema = z.object({
  buckets: z
    .array(
      z.object({
        name: z.string(),
        owner: z.string().describe('Id of the account.'),
        ...held,
        uploadParts: count.describe('Parts of uploads that were not completed.'),
        uploadBytes: count,
      }),
    )
    .describe('By name.'),
  tasks: z
    .array(
      z.object({
        taskId: z.string(),
        ...held,
        staged: count.describe('Bytes of results whose attempt is not over.'),
        manifests: count.describe('Bytes of lists of results, and of the table of parameters.'),
        output: count.describe('Bytes of output that has left the database.'),
      }),
    )
    .describe('What the platform keeps for tasks beside their buckets: the thousand largest.'),
  moreTasks: z.object({ tasks: count, ...held }).describe('Tasks that are not named.'),
  kinds: z
    .array(z.object({ kind: z.enum(STORAGE_KINDS), ...held }))
    .describe(
      '`objects` are those of buckets, and alone count against quotas; of `uploads`, parts that are not put together.',
    ),
  total: z.object(held),
});
export type WireStorageUsage = z.output<typeof storageUsageSchema>;

/** What the files of the local object store are for; the sum of all but `missing` is what lies in its folder. */
export const storageDiskSchema = z.object({
  kinds: z.array(
    z.object({
      kind: z
        .enum(['objects', 'uploads', 'garbage', 'orphans', 'fresh', 'set-aside', 'notes', 'missing'])
        .describe(
          '`garbage`: of deleted objects, removed in a minute; `orphans`: of no object, removed by the sweep; `fresh`: of no object yet, uploads under way; ' +
            '`set-aside`: by a reindex; `notes`: the own ones of the store; `missing`: known to the index and not on disk.',
        ),
      bucket: z
        .string()
        .optional()
        .describe('Of `objects`: a bucket, or an area of the platform, which begins with a dot.'),
      files: count,
      bytes: count.describe(
        'As on disk, with checksums and manifests behind the content; of `missing` what should be there.',
      ),
    }),
  ),
  total: z.object({ files: count, bytes: count }).describe('What lies on disk.'),
  indexedBytes: count.describe('Bytes of content that the index knows.'),
});
export type WireStorageDisk = z.output<typeof storageDiskSchema>;

const difference = z.int();
/** What the counters of usage had wrong, before they were repaired. */
export const usageReconciliationSchema = z.object({
  buckets: count.describe('Buckets that were compared, and areas of the platform, which begin with a dot.'),
  differences: z
    .array(z.object({ bucket: z.string(), objects: difference, bytes: difference }))
    .describe('By bucket: how much more there is than its counters said.'),
});
export type WireUsageReconciliation = z.output<typeof usageReconciliationSchema>;
