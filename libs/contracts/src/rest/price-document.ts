import type { PlanPrices, PriceList } from '@fornax/domain';
import { z } from 'zod';
import { parseWireDate, wireDate } from './time-on-the-wire.js';

const QUOTED = 'An amount is a text in quotes, such as "0.004": a number would be rounded before anybody reads it.';
const whyNoText = ({ input }: { readonly input: unknown }): string =>
  input === undefined ? 'The value is missing.' : QUOTED;

/** A decimal text as a whole number of its smallest part. */
const wholeOf = (text: string, digits: number): number => {
  const [whole = '0', fraction = ''] = text.split('.');
  return Number(BigInt(whole + fraction.padEnd(digits, '0')));
};
/** The same back, without zeros that say nothing. */
const textOf = (value: number, digits: number): string => {
  const text = String(value).padStart(digits + 1, '0');
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`.replace(/\.?0+$/, '');
};

const decimal = (pattern: RegExp, form: string, digits: number) =>
  z
    .string({ error: whyNoText })
    .regex(/^(?!-)/, 'The value must not be negative.')
    .regex(pattern, `The value must be ${form}.`)
    .transform((text) => wholeOf(text, digits));
/** Money as people write it, in micro-units. */
export const amount = decimal(
  /^(-.*|\d{1,9}(\.\d{1,6})?)$/,
  'an amount with at most nine digits before the point and at most six decimals',
  6,
);
/** The same of one that may be less than nothing. */
export const signedAmount = z
  .string({ error: whyNoText })
  .regex(
    /^-?\d{1,9}(\.\d{1,6})?$/,
    'The value must be an amount with at most nine digits before the point and at most six decimals.',
  )
  .transform((text) => (text.startsWith('-') ? -wholeOf(text.slice(1), 6) : wholeOf(text, 6)));
/** Money of which a millionth is too much: in nano-units. */
const fineAmount = decimal(
  /^(-.*|\d{1,6}(\.\d{1,9})?)$/,
  'an amount with at most six digits before the point and at most nine decimals',
  9,
);
const percent = decimal(
  /^(-.*|\d{1,3}(\.\d{1,2})?)$/,
  'a percentage with at most three digits before the point and at most two decimals',
  2,
);
const frequency = decimal(
  /^(-.*|\d{1,2}(\.\d{1,3})?)$/,
  'a frequency in GHz with at most two digits before the point and at most three decimals',
  3,
);

const instant = z
  .string()
  .refine(
    (text) => parseWireDate(text) !== undefined,
    'The text must be a date and time, such as 2027-01-01T00:00:00Z.',
  )
  .transform((text) => parseWireDate(text) ?? 0);

const plans = { flex: amount, onDemand: amount, reserved: amount };
const payer = z.enum(['user', 'platform']);

/** A price list as people write it, in YAML or JSON (`POST /fornax/v1/billing/prices`). Amounts are texts: they never pass through floating point. */
export const priceDocumentSchema = z.strictObject({
  currency: z.string().regex(/^[A-Z]{3}$/, 'The currency has three capitals, such as EUR.'),
  validFrom: instant.optional().meta({ description: 'From when it holds; absent: from its publication' }),
  validUntil: instant.optional().meta({ description: 'Until when; absent: until the next list begins' }),
  work: z
    .strictObject(plans)
    .meta({ description: 'Price of a GHz·core·hour of work for each plan, where no hardware was asked for' }),
  hardware: z
    .array(z.strictObject({ match: z.string().max(100), ...plans }))
    .min(1)
    .max(1_000)
    .meta({
      description:
        'Price of a core·hour where hardware was asked for, by classes: the first whose `match` is part of the key of the hardware; the last matches all, by ""',
    }),
  minimum: amount.optional().meta({ description: 'Least price of an instance whose command started' }),
  rounding: amount.optional().meta({ description: 'What the total of a task is rounded to; absent: "0.000001"' }),
  payers: z
    .strictObject({ user: payer, limit: payer, platform: payer, 'node-lost': payer, preempted: payer })
    .optional()
    .meta({ description: 'Who pays for an attempt that failed, by the cause of its end' }),
  discounts: z
    .strictObject({
      volume: z
        .array(z.strictObject({ from: amount, until: amount.optional(), percent }))
        .max(100)
        .optional()
        .meta({ description: 'By what an account used in a month (UTC), before discounts; each part has its own' }),
      projects: z
        .array(z.strictObject({ project: z.string().min(1).max(256), percent }))
        .max(10_000)
        .optional(),
    })
    .optional(),
  assumedGhz: frequency.optional().meta({ description: 'Taken for nodes whose frequency is not known' }),
  storage: fineAmount
    .optional()
    .meta({ description: 'Price of holding a GB (10^9 bytes) in a bucket for an hour; absent: "0"' }),
  egress: fineAmount
    .optional()
    .meta({ description: 'Price of a GB (10^9 bytes) that is sent out of buckets; absent: "0"' }),
});
export type PriceDocument = z.output<typeof priceDocumentSchema>;

/** The JSON Schema (2020-12) of price lists. */
export const priceDocumentJsonSchema = (): object => ({
  title: 'Fornax price list',
  ...z.toJSONSchema(priceDocumentSchema, { io: 'input', unrepresentable: 'any' }),
});

const without = <T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;

/** The list that a document says. */
export const priceListOf = (document: PriceDocument, version: number): PriceList => {
  const { currency, work, hardware, validFrom, validUntil, minimum, rounding, payers, discounts, assumedGhz } =
    document;
  const { storage, egress } = document;
  return without<PriceList>({
    version,
    currency,
    workMicrosPerGhzCoreHour: work,
    hardware: hardware.map(({ match, ...microsPerCoreHour }) => ({ match, microsPerCoreHour })),
    validFrom,
    validUntil,
    minimumMicros: minimum,
    roundingMicros: rounding,
    payers,
    volumeDiscounts: discounts?.volume?.map(({ from, until, percent: basisPoints }) => ({
      fromMicros: from,
      ...(until === undefined ? {} : { untilMicros: until }),
      basisPoints,
    })),
    projectDiscounts: discounts?.projects?.map(({ project, percent: basisPoints }) => ({
      projectUuid: project,
      basisPoints,
    })),
    assumedMilliGhz: assumedGhz,
    storageNanosPerGbHour: storage,
    egressNanosPerGb: egress,
  });
};

/** Money as people read it, of micro-units. */
export const euros = (micros: number): string => (micros < 0 ? `-${textOf(-micros, 6)}` : textOf(micros, 6));
const pricesOf = ({ flex, onDemand, reserved }: PlanPrices) => ({
  flex: euros(flex),
  onDemand: euros(onDemand),
  reserved: euros(reserved),
});
const optionally = <T, R>(value: T | undefined, text: (value: T) => R): R | undefined =>
  value === undefined ? undefined : text(value);

/** A list as the document that says it: what was published can be read, changed and published again. */
export const priceDocumentOf = (list: PriceList): z.input<typeof priceDocumentSchema> => {
  const { volumeDiscounts: volume, projectDiscounts: projects } = list;
  const hasDiscounts = volume !== undefined || projects !== undefined;
  return without<z.input<typeof priceDocumentSchema>>({
    currency: list.currency,
    validFrom: optionally(list.validFrom, wireDate),
    validUntil: optionally(list.validUntil, wireDate),
    work: pricesOf(list.workMicrosPerGhzCoreHour),
    hardware: list.hardware.map(({ match, microsPerCoreHour }) => ({ match, ...pricesOf(microsPerCoreHour) })),
    minimum: optionally(list.minimumMicros, euros),
    rounding: optionally(list.roundingMicros, euros),
    payers: list.payers,
    discounts: hasDiscounts
      ? without({
          volume: volume?.map(({ fromMicros, untilMicros, basisPoints }) =>
            without<{ from: string; until?: string; percent: string }>({
              from: euros(fromMicros),
              until: optionally(untilMicros, euros),
              percent: textOf(basisPoints, 2),
            }),
          ),
          projects: projects?.map(({ projectUuid, basisPoints }) => ({
            project: projectUuid,
            percent: textOf(basisPoints, 2),
          })),
        })
      : undefined,
    assumedGhz: optionally(list.assumedMilliGhz, (milli) => textOf(milli, 3)),
    storage: optionally(list.storageNanosPerGbHour, (nanos) => textOf(nanos, 9)),
    egress: optionally(list.egressNanosPerGb, (nanos) => textOf(nanos, 9)),
  });
};

/** A published list, without its prices. */
export const publishedListSchema = z.object({
  version: z.int(),
  currency: z.string(),
  /** From when it holds. */
  validFrom: z.string(),
  /** Until when; null: until the next one begins. */
  validUntil: z.string().nullable(),
  endsAt: z
    .string()
    .nullable()
    .describe('When it ends, by itself or as the next one begins. Null: not known yet, or it never held.'),
  replacedBy: z.int().nullable().describe('The list that it gave way to before it began. Null: none.'),
  /** Of the commit that published it. */
  sequence: z.int(),
});
export type WirePublishedList = z.output<typeof publishedListSchema>;
