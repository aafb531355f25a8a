import { z } from 'zod';
import { count, instant } from './scalars.js';

const perPlan = z.object({ flex: z.number().int(), onDemand: z.number().int(), reserved: z.number().int() });

const payer = z.enum(['user', 'platform']);

/** An exact amount, in parts of a nano-unit. */
const amount = z.string().regex(/^-?\d{1,40}$/);
const month = z.string().regex(/^\d{4}-\d{2}$/);
const ratingRun = { ratingId: z.string(), run: count };

export const pricingEvents = {
  PriceListPublished: {
    version: 1,
    aggregate: 'pricing',
    schema: z.object({
      priceList: z.object({
        version: count,
        currency: z.string(),
        workMicrosPerGhzCoreHour: perPlan,
        hardware: z.array(z.object({ match: z.string(), microsPerCoreHour: perPlan })),
        validFrom: instant.exactOptional(),
        validUntil: instant.exactOptional(),
        minimumMicros: count.exactOptional(),
        roundingMicros: count.exactOptional(),
        payers: z
          .object({ user: payer, platform: payer, 'node-lost': payer, preempted: payer, limit: payer })
          .exactOptional(),
        volumeDiscounts: z
          .array(z.object({ fromMicros: count, untilMicros: count.exactOptional(), basisPoints: count }))
          .exactOptional(),
        projectDiscounts: z.array(z.object({ projectUuid: z.string(), basisPoints: count })).exactOptional(),
        assumedMilliGhz: count.exactOptional(),
        storageNanosPerGbHour: count.exactOptional(),
        egressNanosPerGb: count.exactOptional(),
      }),
      at: instant,
    }),
  },
  RatingCommitBegun: {
    version: 1,
    aggregate: 'pricing',
    schema: z.object({
      ...ratingRun,
      from: instant,
      to: instant,
      through: count,
      list: count.nullable(),
      at: instant,
    }),
  },
  LinesCorrected: {
    version: 1,
    aggregate: 'pricing',
    schema: z.object({
      ...ratingRun,
      part: count,
      lines: z.array(
        z.object({
          taskId: z.string(),
          instance: count,
          attempt: count,
          parts: amount,
          rule: z.string(),
          priceListVersion: count,
        }),
      ),
      volumes: z.array(z.object({ owner: z.string(), month, parts: amount })),
      at: instant,
    }),
  },
  RatingCommitted: {
    version: 1,
    aggregate: 'pricing',
    schema: z.object({ ...ratingRun, parts: count, lines: count, amount, at: instant }),
  },
  RatingCommitFailed: {
    version: 1,
    aggregate: 'pricing',
    schema: z.object({ ...ratingRun, reason: z.string(), at: instant }),
  },
  MonthClosed: {
    version: 1,
    aggregate: 'pricing',
    schema: z.object({ month, until: instant, at: instant }),
  },
} as const;
