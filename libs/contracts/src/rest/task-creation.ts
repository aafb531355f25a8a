import { snapshotRetentionSchema } from './snapshot-retention.js';
import { z } from 'zod';
import { hardwareConstraintSchema } from './hardware-constraint.js';
import { pathPattern } from './path-pattern.js';
import { parseWireDuration, wireDuration } from './time-on-the-wire.js';
import { isUuid } from './uuid.js';
import { reference, textOf, textOrEmpty } from './wire.js';

const INT32_MAX = 2_147_483_647;
/** A count; some scripts send it as text (contract, section 7.2). */
export const count = z
  .union([z.number().int().nonnegative().max(INT32_MAX), z.string().regex(/^\d{1,9}$/)])
  .transform((value) => Number(value))
  .pipe(z.number().int().nonnegative().max(INT32_MAX));

/** In whole seconds; what is shorter than one counts as one, since none would be no limit. */
export const duration = z.union([z.string(), z.number()]).transform((value, context): string => {
  const ms = parseWireDuration(value);
  if (ms !== undefined && ms >= 0 && ms <= 1e14) return wireDuration(ms > 0 ? Math.max(ms, 1_000) : 0);
  context.addIssue({ code: 'custom', message: 'The value is not a duration ([d.]hh:mm:ss).' });
  return z.NEVER;
});

/** One of some names, in any case or by its place in the list (contract, 5.6); given back as spelled here. */
export const nameIn = <const N extends readonly [string, ...string[]]>(...names: N) =>
  z.union([z.string(), z.number()]).transform((value, context): N[number] => {
    const found =
      typeof value === 'number' ? names[value] : names.find((name) => name.toLowerCase() === value.toLowerCase());
    if (found !== undefined) return found;
    context.addIssue({ code: 'custom', message: `The value must be one of ${names.join(', ')}.` });
    return z.NEVER;
  });

/** As many as a task may have. */
export const MOST_CONSTANTS = 150;

export const constantSchema = z.object({
  key: z
    .string()
    .min(1)
    .max(2_048)
    .regex(/^[A-Za-z0-9_.-]+$/, 'A constant is named with letters, digits, "_", "." and "-".'),
  value: textOrEmpty(2_048),
});

export const constantsSchema = z
  .array(constantSchema)
  .max(MOST_CONSTANTS)
  .superRefine((constants, context) => {
    const seen = new Set<string>();
    constants.forEach(({ key }, index) => {
      if (seen.has(key))
        context.addIssue({ code: 'custom', path: [index, 'key'], message: `The constant ${key} is given twice.` });
      seen.add(key);
    });
  });

/** What stands in routes where an id or a shortname may: an object of that name could not be asked for. */
const WORDS_OF_ROUTES: readonly string[] = ['paginate', 'schema', 'search', 'summaries'];

export const shortnameSchema = z
  .string()
  .max(255)
  .regex(
    /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)?$/,
    'A shortname holds letters, digits and "-", and begins and ends with a letter or a digit.',
  )
  .refine((name) => !WORDS_OF_ROUTES.includes(name), 'A shortname is no word that the API has in its place.')
  // What has the form of an id is looked for as one: an object of that name could hide another one, or be hidden by it.
  .refine(
    (name) => !isUuid(name),
    'A shortname does not have the form of a UUID: leave it out, and it is that of the object.',
  );

/** Fewer than ten, each shorter than 512 characters (contract, section 3.1). */
export const tagsSchema = z.array(textOf(511)).max(9);

const scalar = z.union([z.string(), z.number(), z.boolean()]);

export const advancedBucketSchema = z.object({
  bucketName: z.string().min(1).max(255),
  filtering: z
    .object({ prefixFiltering: z.object({ prefix: z.string().max(1_024).optional() }).optional() })
    .optional(),
  resourcesTransformation: z
    .object({ stripPrefix: z.object({ prefix: z.string().max(1_024).optional() }).optional() })
    .optional(),
  cacheTTLSec: count.optional(),
});

export const retrySettingsSchema = z.object({
  maxTotalRetries: count.optional(),
  maxPerInstanceRetries: count.optional(),
});

export const forcedNetworkRuleSchema = z.object({
  name: z.string().max(2_048).optional(),
  applicationType: z.string().max(2_048).optional(),
  inbound: z.union([z.boolean(), z.string()]),
  proto: z.string().max(16),
  port: scalar.optional(),
  to: scalar.optional(),
  publicHost: scalar.optional(),
  publicPort: scalar.optional(),
  forwarder: scalar.optional(),
  priority: scalar.optional(),
  description: z.string().max(2_048).optional(),
  toQBox: scalar.optional(),
  toPayload: scalar.optional(),
});

const forcedConstantSchema = z.object({
  constantName: z.string().min(1).max(2_048),
  forcedValue: textOf(2_048).optional(),
  forceExportInEnvironment: z.boolean().optional(),
  access: nameIn('readOnly', 'readWrite').optional(),
});

const dependenciesSchema = z.object({
  dependsOn: z.array(z.string().max(256)).max(1_000).optional(),
  advancedDependsOn: z
    .array(
      z.object({
        taskUuid: z.string().max(256),
        taskFinalStateCondition: z.array(nameIn('success', 'failure', 'cancelled')).optional(),
      }),
    )
    .max(1_000)
    .optional(),
});

/** As long as a request can be. */
const MAX_TABLE_CHARS = 1_048_576;

const constraintsSchema = z.array(z.object({ key: z.string().max(2_048), value: textOf(2_048).optional() })).max(150);

const secretsAccessRightsSchema = z.object({
  bySecret: z
    .array(z.object({ key: z.string().max(2_048) }))
    .max(1_000)
    .optional(),
  byPrefix: z
    .array(z.object({ prefix: z.string().max(2_048) }))
    .max(1_000)
    .optional(),
});

/** What may be asked of tasks and of pools alike (contract, sections 3.1 and 3.4). */
export const askedOfBoth = {
  constants: constantsSchema.optional(),
  forcedConstants: z.array(forcedConstantSchema).max(150).optional(),
  constraints: constraintsSchema.optional(),
  hardwareConstraints: z.array(hardwareConstraintSchema).max(50).optional(),
  secretsAccessRights: secretsAccessRightsSchema.optional(),
  tags: tagsSchema.optional(),
  labels: z.record(z.string().max(2_048), textOrEmpty(2_048)).optional(),
};

/** Body of POST /tasks (contract, section 3.1); what does not depend on other fields or on the platform's state is checked here. */
export const taskCreationSchema = z.object({
  name: z.string().min(1).max(2_047),
  shortname: shortnameSchema.optional(),
  profile: z.string().max(255).optional(),
  poolUuid: reference().optional(),
  jobUuid: reference().optional(),
  instanceCount: z
    .union([z.number().int(), z.string().regex(/^-?\d{1,9}$/)])
    .transform((value) => Number(value))
    .pipe(z.number().int())
    .optional(),
  advancedRanges: z.string().max(16_384).optional(),
  maxRetriesPerInstance: count.optional(),
  retrySettings: retrySettingsSchema.optional(),
  resourceBuckets: z.array(z.string().min(1).max(255)).max(100).optional(),
  advancedResourceBuckets: z.array(advancedBucketSchema).max(100).optional(),
  resultBucket: z.string().max(255).optional(),
  resultsBucket: z.string().max(255).optional(),
  resultsBucketPrefix: z.string().max(1_024).optional(),
  resultsWhitelist: pathPattern.optional(),
  resultsBlacklist: pathPattern.optional(),
  resultsCacheTTLSec: count.optional(),
  snapshotWhitelist: pathPattern.optional(),
  snapshotBlacklist: pathPattern.optional(),
  snapshotBucket: z.string().max(255).optional(),
  snapshotBucketPrefix: z.string().max(1_024).optional(),
  uploadResultsOnCancellation: z.boolean().optional(),
  ...askedOfBoth,
  dependencies: dependenciesSchema.optional(),
  autoDeleteOnCompletion: z.boolean().optional(),
  completionTimeToLive: duration.optional(),
  maxTimeQueueSeconds: count.optional(),
  waitForPoolResourcesSynchronization: z.boolean().optional(),
  defaultResourcesCacheTTLSec: count.optional(),
  schedulingType: nameIn('flex', 'onDemand', 'reserved').optional(),
  targetedReservedMachineKey: z.string().max(512).optional(),
  targetedReservationName: z.string().max(512).optional(),
  privileges: z.object({ exportApiAndStorageCredentialsInEnvironment: z.boolean().optional() }).optional(),
  forcedNetworkRules: z.array(forcedNetworkRuleSchema).max(100).optional(),
  projectUuid: reference().optional(),
  /** Ours, unknown to the clients: a name that is not here is a slip, and would be a task that runs too early. */
  fornax: z
    .strictObject({
      /** A table of parameters as CSV (RFC 4180), its first record the names of the columns: instance n gets row n as constants. */
      each: z.string().max(MAX_TABLE_CHARS).optional(),
      /** Of a task made from another one: it runs with the very inputs that the other one had, or is refused. */
      pinned: z.boolean().optional(),
      /** Most instances that run, or are on their way to nodes, at once. */
      maxParallel: z.int().min(1).max(100_000).optional(),
      /**
       * With which snapshot instances begin that are tried again, and those of a task that is made of another one: `latest`, one of the other task by its id, or
       * `none`.
       */
      resumeFromSnapshot: z.string().max(128).optional(),
      /** False: values of its secrets stay in what its instances print. */
      redactOutput: z.boolean().optional(),
      /** Which complete snapshots are kept; left out: all. */
      snapshotRetention: snapshotRetentionSchema.optional(),
      /** Tasks of the same project, by id or shortname, that it starts after, in a job or not. */
      after: z
        .array(
          z.strictObject({
            task: z.string().min(1).max(256),
            on: nameIn('success', 'failure', 'cancelled', 'any').optional(),
            /** Instance n after instance n. */
            each: z.boolean().optional(),
          }),
        )
        .max(1_000)
        .optional(),
    })
    .optional(),
});
export type TaskCreation = z.output<typeof taskCreationSchema>;

/** Body of POST /tasks/{id}/clone: what the copy is to have otherwise (contract, section 3.1). */
export const taskCloneSchema = taskCreationSchema.partial();
/** Body of retry, resume and recover, which choose the instances themselves. Beyond the contract (section 3.1), a pool may be named: the old one may be closed. */
export const taskRetrySchema = taskCloneSchema.omit({ instanceCount: true, advancedRanges: true });
export type TaskRepetition = z.output<typeof taskCloneSchema>;

/** Body of PUT /tasks/{id}: of a whole task only these count (contract, 5.15). */
export const taskUpdateSchema = z.object({ constants: constantsSchema.optional(), tags: tagsSchema.optional() });
export type TaskUpdate = z.output<typeof taskUpdateSchema>;

/** One answer of a bulk creation, in the order of the request (contract, section 2.2). */
export const bulkTaskResultSchema = z.object({
  statusCode: z.int(),
  uuid: z.string().nullable(),
  message: z.string().nullable(),
});
export type BulkTaskResult = z.output<typeof bulkTaskResultSchema>;
export const createdSchema = z.object({ uuid: z.string() });
