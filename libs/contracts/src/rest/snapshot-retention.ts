import { z } from 'zod';

const kept = z.int().min(1).max(10_000);

/** Which complete snapshots of a task are kept: what any of them says. */
export const snapshotRetentionSchema = z
  .strictObject({
    last: kept.exactOptional().describe('The latest so many.'),
    hourly: kept.exactOptional().describe('The latest of each of the latest so many hours that have one (UTC).'),
    daily: kept.exactOptional().describe('The same of days.'),
  })
  .refine((rule) => Object.keys(rule).length > 0, 'It says what is kept: last, hourly or daily.');
