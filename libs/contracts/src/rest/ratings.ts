import { z } from 'zod';
import { priceDocumentSchema } from './price-document.js';
import { periodBoundarySchema, timeZoneSchema } from './statements.js';

/** A period that is to be rated again (`POST /fornax/v1/billing/ratings`). */
export const ratingRequestSchema = z.strictObject({
  from: periodBoundarySchema,
  /** Absent: until now. */
  to: periodBoundarySchema.exactOptional(),
  timeZone: timeZoneSchema,
  /** The number of a list; with neither, each line by the list that it has. */
  list: z.int().min(1).exactOptional(),
  /** A list that was never published. */
  prices: priceDocumentSchema.exactOptional(),
});
export type RatingRequest = z.output<typeof ratingRequestSchema>;

const money = {
  attempts: z.int(),
  before: z.string().describe('To the micro-unit.'),
  after: z.string(),
  difference: z.string(),
  nanos: z.string().describe('Of the difference, exactly: whole nano-units.'),
  rest: z.string().describe('What is left of one, in 1/36,000,000,000,000 of it.'),
};

/** What a period costs by other prices. Nothing of the ledger is changed until it is booked (`POST …/{id}/commit`). */
export const ratingSchema = z.object({
  id: z.string(),
  state: z
    .enum(['running', 'done', 'failed', 'committing', 'committed'])
    .describe('`committing` while its difference is booked; `failed`: see `reason`.'),
  reason: z.string().nullable().describe('Why it failed, the last time.'),
  from: z.string(),
  to: z.string(),
  through: z.int().describe('Lines of commits up to this sequence.'),
  list: z.int().nullable(),
  total: z.int().describe('Lines to rate.'),
  done: z.int(),
  booked: z.int().describe('Lines that are corrected until now, while its difference is booked and after.'),
  unrated: z.int().describe('Attempts that these prices give none: they count in no sum.'),
  sums: z.object(money),
  by: z.enum(['project', 'task']),
  count: z.int(),
  rows: z.array(z.object({ project: z.string(), task: z.string().nullable(), ...money })).readonly(),
});
/** How far a rating is: what `…/{id}/events` tells each time that it has come further. */
export const ratingProgressSchema = ratingSchema.omit({ sums: true, by: true, count: true, rows: true });
export type WireRatingProgress = z.output<typeof ratingProgressSchema>;
export type WireRating = z.output<typeof ratingSchema>;

/** A month of the calendar (UTC). */
export const monthSchema = z
  .string()
  .regex(/^\d{4}-(0[1-9]|1[0-2])$/, 'must be a month, such as 2027-01')
  .refine((month) => month >= '1970' && month < '9999', 'must be in the years 1970 to 9998');

/** A month that is closed. */
export const closedMonthSchema = z.object({
  month: z.string(),
  closedAt: z.string(),
  sequence: z.int().describe('Of the commit that closed it: what the log says of the month up to there counts in it.'),
});
export type WireClosedMonth = z.output<typeof closedMonthSchema>;
