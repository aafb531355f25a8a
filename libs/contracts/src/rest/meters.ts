import { z } from 'zod';
import { meterName, meterSums, meterTotalSchema } from './meter-total.js';
import { periodBoundarySchema, timeZoneSchema } from './statements.js';

/** What the meters of storage can be divided by, beside the meter itself. */
const METER_DIMENSIONS = ['project', 'user', 'bucket'] as const;
export type MeterDimension = (typeof METER_DIMENSIONS)[number];

const isDimension = (text: string): text is MeterDimension => METER_DIMENSIONS.some((name) => name === text);
const dimensions = z
  .string()
  .transform((text) => text.split(',').map((one) => one.trim()))
  .refine(
    (all): all is MeterDimension[] => all.every(isDimension),
    `The value must be one or more of ${METER_DIMENSIONS.join(', ')}, with commas between them.`,
  )
  .refine((all) => new Set(all).size === all.length, 'The value must name each of them once.');

/** What meters are asked by (`GET /fornax/v1/billing/meters`); keys in lower case. */
export const metersQuerySchema = z.object({
  from: periodBoundarySchema,
  to: periodBoundarySchema.optional(),
  groupby: dimensions.default(['project', 'bucket']),
  timezone: timeZoneSchema,
  account: z.string().max(256).optional(),
  project: z.string().max(128).optional(),
  format: z.enum(['json', 'csv']).default('json'),
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
});
export type MetersQuery = z.output<typeof metersQuerySchema>;

/** What buckets used in a period. */
export const metersSchema = z.object({
  from: z.string().describe('The first instant that counts: of readings, their beginning.'),
  to: z.string().describe('The first one that does not.'),
  timeZone: z.string(),
  through: z.int().describe('All commits in the log up to this sequence are in it.'),
  currency: z.string(),
  groupBy: z.array(z.string()).readonly(),
  count: z.int().describe('All rows that there are.'),
  rows: z
    .array(
      z.object({
        by: z.record(z.string(), z.string()),
        names: z.record(z.string(), z.string()).describe('Of projects, and e-mails of users.'),
        meter: meterName,
        ...meterSums,
      }),
    )
    .readonly(),
  totals: z.array(meterTotalSchema).readonly(),
  unrated: z.int().describe('Readings that have no price yet: they are in no row.'),
});
export type WireMeters = z.output<typeof metersSchema>;
export type WireMeterRow = WireMeters['rows'][number];
