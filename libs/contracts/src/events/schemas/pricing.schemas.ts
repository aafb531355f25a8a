import { z } from 'zod';
import { count, instant } from './scalars.js';

const perPlan = z.object({ flex: z.number().int(), onDemand: z.number().int(), reserved: z.number().int() });

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
      }),
      at: instant,
    }),
  },
} as const;
