import { JOB_STATES } from '@fornax/domain';
import { z } from 'zod';
import { duration, shortnameSchema, tagsSchema } from './task-creation.js';
import { reference } from './wire.js';

/** Body of POST /jobs (contract, section 3.6); what clients send beside it, an empty `state` say, is nobody's to say. */
export const jobCreationSchema = z.object({
  name: z.string().min(1).max(2_047),
  shortname: shortnameSchema.optional(),
  poolUuid: reference().optional(),
  useDependencies: z.boolean().optional(),
  tags: tagsSchema.optional(),
  maxWallTime: duration.optional(),
  autoDeleteOnCompletion: z.boolean().optional(),
  completionTimeToLive: duration.optional(),
});
export type JobCreation = z.output<typeof jobCreationSchema>;

/** Body of `POST /fornax/v1/jobs/{id}/clone`, `retry`, `resume` and `recover`. */
export const jobRepetitionSchema = z.strictObject({
  pool: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .meta({ description: 'Id or shortname of an open pool: what ran in a pool runs in this one' }),
});
export type JobRepetition = z.output<typeof jobRepetitionSchema>;

const date = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/);
const shownDuration = z.string().regex(/^(\d+\.)?\d\d:\d\d:\d\d$/);

/** A job as clients read it (contract, section 3.7). */
export const jobSchema = z.object({
  uuid: z.string(),
  name: z.string(),
  shortname: z.string(),
  poolUuid: z.string().nullable(),
  state: z.enum(JOB_STATES),
  previousState: z.enum(JOB_STATES).nullable(),
  useDependencies: z.boolean(),
  stateTransitionTime: date,
  previousStateTransitionTime: date,
  creationDate: date,
  lastModified: date,
  maxWallTime: shownDuration.nullable(),
  tags: z.array(z.string()),
  autoDeleteOnCompletion: z.boolean(),
  completionTimeToLive: shownDuration,
  /** Ours, unknown to the clients, of a job that is read by itself: how many tasks there are, and how many of them are not over. */
  fornax: z.object({ taskCount: z.int().min(0), unfinishedTaskCount: z.int().min(0) }).exactOptional(),
});
export type WireJob = z.output<typeof jobSchema>;
