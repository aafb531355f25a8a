import { z } from 'zod';

const YEARS = 100;
const seconds = z
  .int()
  .min(1)
  .max(YEARS * 365 * 86_400);
const prefix = z
  .string()
  .max(1_024)
  .regex(/^[^\0]*$/, 'must not hold NUL');

/** How long objects stay that begin with a prefix. */
export const expiryRuleChangeSchema = z.object({
  prefix: prefix.default('').describe('Of the keys; empty or left out: all objects of the bucket.'),
  afterSeconds: seconds.describe('After the last change of an object.'),
});

export const expiryPrefixSchema = z.object({
  prefix: prefix.default('').describe('Of the rule to remove; left out: the one for all objects.'),
});

export const expiryRuleSchema = z.object({
  prefix: z.string(),
  afterSeconds: z.int().min(1),
  expiredObjects: z.int().min(0).describe('Objects that the rule has ended so far.'),
  expiredBytes: z.int().min(0),
  expiredAt: z.string().nullable().describe('When it did so last.'),
});
export type WireExpiryRule = z.output<typeof expiryRuleSchema>;
