import { z } from 'zod';
import { jobCreationSchema } from './jobs.js';
import { constantSchema, MOST_CONSTANTS, taskCreationSchema } from './task-creation.js';
import { textOf } from './wire.js';

/** Most tasks of one document. */
const MAX_TASKS = 10_000;
/** Most values of one parameter. */
const MAX_VALUES = 10_000;

const name = z.string().min(1).max(255);
const value = textOf(2_048);
const environment = z
  .record(constantSchema.shape.key, value)
  .refine((constants) => Object.keys(constants).length <= MOST_CONSTANTS, {
    message: `A task has at most ${MOST_CONSTANTS} constants.`,
  })
  .meta({ description: 'Constants of the task by their names, which its command finds in its environment' });

const waitsFor = z
  .array(
    z.union([
      name,
      z.strictObject({
        task: name,
        on: z.enum(['success', 'failure', 'cancelled', 'any']).optional(),
        each: z
          .boolean()
          .optional()
          .meta({ description: 'Instance n after instance n: both tasks have the same instances' }),
      }),
    ]),
  )
  .max(1_000)
  .meta({ description: 'Names of other tasks of the document, in any order, with the end that lets this one start' });

const ofCreation = taskCreationSchema.pick({
  profile: true,
  instanceCount: true,
  retrySettings: true,
  advancedResourceBuckets: true,
  resourceBuckets: true,
  resultBucket: true,
  resultsBucketPrefix: true,
  resultsWhitelist: true,
  resultsBlacklist: true,
  uploadResultsOnCancellation: true,
  constraints: true,
  hardwareConstraints: true,
  secretsAccessRights: true,
  tags: true,
  labels: true,
  maxTimeQueueSeconds: true,
  schedulingType: true,
}).shape;

const taskSchema = z.strictObject({
  name,
  command: z.string().min(1).max(2_048).optional().meta({ description: 'The constant DOCKER_CMD' }),
  environment: environment.optional(),
  matrix: z.record(z.string().min(1).max(255), z.array(value).min(1).max(MAX_VALUES)).optional().meta({
    description:
      'Parameters and their values: the task has an instance for each combination, the last parameter turning fastest',
  }),
  after: waitsFor.optional(),
  maxParallel: z
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .meta({ description: 'Most instances that run, or are on their way to nodes, at once' }),
  ...ofCreation,
});
export type JobDocumentTask = z.output<typeof taskSchema>;

const {
  name: jobName,
  shortname,
  tags,
  maxWallTime,
  autoDeleteOnCompletion,
  completionTimeToLive,
} = jobCreationSchema.shape;

/** A whole job as one document (`POST /fornax/v1/jobs`): what stands beside `tasks` is the job's, or what its tasks have in common. */
export const jobDocumentSchema = z.strictObject({
  name: jobName,
  shortname,
  tags,
  maxWallTime,
  autoDeleteOnCompletion,
  completionTimeToLive,
  pool: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .meta({ description: 'Id or shortname of an open pool that its tasks run in' }),
  project: z.string().min(1).max(256).optional().meta({ description: 'Id of the project of its tasks' }),
  profile: ofCreation.profile,
  environment: environment.optional(),
  resourceBuckets: ofCreation.resourceBuckets,
  resultBucket: ofCreation.resultBucket,
  tasks: z.array(taskSchema).min(1).max(MAX_TASKS),
});
export type JobDocument = z.output<typeof jobDocumentSchema>;

/** The JSON Schema (2020-12) of job documents. */
export const jobDocumentJsonSchema = (): object => ({
  title: 'Fornax job',
  ...z.toJSONSchema(jobDocumentSchema, { io: 'input', unrepresentable: 'any' }),
});
