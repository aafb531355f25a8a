import { isTimeZone } from '@fornax/domain';
import { z } from 'zod';
import { logProofSchema } from './log-proof.js';
import { meterTotalSchema } from './meter-total.js';
import { parseWireDate } from './time-on-the-wire.js';

/** What a statement can be divided by, beside labels. */
const STATEMENT_DIMENSIONS = ['project', 'user', 'task', 'tag', 'plan', 'node', 'hardware'] as const;
/** One of these, or `label:` and the name of a label. */
export type StatementDimension = (typeof STATEMENT_DIMENSIONS)[number] | `label:${string}`;

const MOST_DIMENSIONS = 4;
const MOST_LABEL_CHARS = 128;
const LABEL = 'label:';

const isDimension = (text: string): text is StatementDimension =>
  STATEMENT_DIMENSIONS.some((name) => name === text) ||
  (text.startsWith(LABEL) && text.length > LABEL.length && text.length <= LABEL.length + MOST_LABEL_CHARS);

const DIMENSIONS = `one or more of ${STATEMENT_DIMENSIONS.join(', ')} and label:<name>, with commas between them`;
const dimensions = z
  .string()
  .transform((text) => text.split(',').map((one) => one.trim()))
  .refine((all): all is StatementDimension[] => all.every(isDimension), `The value must be ${DIMENSIONS}.`)
  .refine((all) => new Set(all).size === all.length, 'The value must name each of them once.')
  .refine((all) => all.length <= MOST_DIMENSIONS, `The value must name ${MOST_DIMENSIONS} of them at most.`);

const WORDS = ['today', 'yesterday', 'month'] as const;
/** Years in which anything can have been used, in every time zone: what is outside is a slip, or no date that a database knows. */
const FIRST = Date.UTC(1970, 0, 1);
const LAST = Date.UTC(9998, 11, 31);

/** Where a period begins or ends: an instant; or the beginning of a day or a month in some time zone. */
export type PeriodBoundary =
  | { readonly kind: 'instant'; readonly at: number }
  | { readonly kind: 'day'; readonly day: string }
  | { readonly kind: 'word'; readonly word: (typeof WORDS)[number] };

const boundaryOf = (text: string): PeriodBoundary | undefined => {
  const word = WORDS.find((one) => one === text);
  if (word) return { kind: 'word', word };
  const day = /^\d{4}-\d{2}$/.test(text) ? `${text}-01` : text;
  const at = parseWireDate(day);
  if (at === undefined || at < FIRST || at > LAST) return undefined;
  return /^\d{4}-\d{2}-\d{2}$/.test(day) ? { kind: 'day', day } : { kind: 'instant', at };
};
export const periodBoundarySchema = z.string().transform((text, context): PeriodBoundary => {
  const found = boundaryOf(text);
  if (found) return found;
  context.addIssue(
    'The value must be an instant, a day, a month, today, yesterday or month; a year from 1970 to 9998.',
  );
  return z.NEVER;
});

export const timeZoneSchema = z
  .string()
  .max(64)
  .refine(isTimeZone, 'The value must be a time zone, such as Europe/Zurich.')
  .default('UTC');

/** What a statement is asked by (`GET /fornax/v1/billing/statements`); keys in lower case. */
export const statementQuerySchema = z.object({
  from: periodBoundarySchema,
  to: periodBoundarySchema.optional(),
  groupby: dimensions.default(['project']),
  timezone: timeZoneSchema,
  account: z.string().max(256).optional(),
  project: z.string().max(128).optional(),
  format: z.enum(['json', 'csv', 'parquet', 'focus']).default('json'),
  /** As of a commit of the log. */
  through: z.coerce.number().int().min(1).optional(),
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
});
export type StatementQuery = z.output<typeof statementQuerySchema>;

const sums = {
  attempts: z.int().describe('Of instances, and times that slots were held.'),
  instances: z.int().describe('Attempts that were the first of their instance.'),
  failures: z.int().describe('Attempts that failed.'),
  seconds: z.string().describe('What is billed of the time of attempts on nodes, exactly.'),
  coreSeconds: z.string().describe('The same, times cores.'),
  amount: z.string().describe('To the micro-unit, rounded such that rows sum to their total.'),
  nanos: z.string().describe('Whole nano-units of the exact amount.'),
  rest: z.string().describe('What is left of one, in 1/36,000,000,000,000 of it.'),
};

/** What was used in a period, and what it costs. Exact amounts are texts: numbers in JSON may be too small for them. */
export const statementSchema = z.object({
  from: z.string().describe('The first instant that counts.'),
  to: z.string().describe('The first one that does not.'),
  timeZone: z.string(),
  through: z
    .int()
    .describe(
      'The statement is of all commits in the log up to this sequence: of a month that is closed, up to the one that closed it.',
    ),
  isFinal: z.boolean().describe('All months (UTC) of it are closed: it reads the same for ever.'),
  accounts: z.array(z.string()).readonly().nullable().describe('Whose use it is of; null: of everybody.'),
  project: z.string().nullable().describe('Of one project alone; null: of all.'),
  proof: logProofSchema.describe('What proves the range of the log that it was folded from.'),
  currency: z.string(),
  groupBy: z.array(z.string()).readonly(),
  offset: z.int().describe('Of the first of these rows.'),
  count: z.int().describe('All rows that there are.'),
  rows: z
    .array(
      z.object({
        by: z.record(z.string(), z.string().nullable()).describe('Null: without one.'),
        names: z
          .record(z.string(), z.string())
          .describe(
            'Of projects with whose they are (`projectOwner`: an e-mail, or the name of an organization), and e-mails of users.',
          ),
        lines: z.string().nullable().describe('The path of the lines of a row of one task or pool of the caller.'),
        ...sums,
      }),
    )
    .readonly(),
  total: z.object(sums),
  unrated: z.int().describe('Attempts that have no price yet: they are in no row.'),
  meters: z
    .array(meterTotalSchema)
    .readonly()
    .describe('What buckets of the same projects and users held and sent out: in no row, and not in the total.'),
});
export type WireStatement = z.output<typeof statementSchema>;
export type WireStatementRow = WireStatement['rows'][number];
