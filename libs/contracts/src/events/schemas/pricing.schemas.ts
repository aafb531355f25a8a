import { z } from 'zod';
import { count, instant } from './scalars.js';

const perPlan = z.object({ flex: z.number().int(), onDemand: z.number().int(), reserved: z.number().int() });

const payer = z.enum(['user', 'platform']);

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
      }),
      at: instant,
    }),
  },
} as const;
