import { z } from 'zod';

export const meterSums = {
  quantity: z.string().describe('In byte seconds (storage) or bytes (egress), exactly.'),
  gb: z.string().describe('The same in GB (10^9 bytes) times hours, or in GB, to the millionth.'),
  amount: z.string().describe('To the micro-unit.'),
  nanos: z.string().describe('Whole nano-units of the exact amount.'),
  rest: z.string().describe('What is left of one, in 1/36,000,000,000,000 of it.'),
};
export const meterName = z.enum(['storage', 'egress']);

/** One meter in a period: bytes held over time, or bytes sent out. */
export const meterTotalSchema = z.object({ meter: meterName, ...meterSums });
export type WireMeterTotal = z.output<typeof meterTotalSchema>;
