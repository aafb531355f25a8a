import { z } from 'zod';

/**
 * A process under guard. Those with a lower `stage` are ended first; `signal` is how this program is asked to end
 * (PostgreSQL's fast shutdown is SIGINT).
 */
const guardedSchema = z.object({
  pid: z.number().int().positive(),
  startTime: z.string(),
  stage: z.number().int().nonnegative(),
  signal: z.enum(['SIGTERM', 'SIGINT']),
});
export type GuardedProcess = Readonly<z.output<typeof guardedSchema>>;

const orderSchema = z.discriminatedUnion('order', [
  z.object({ order: z.literal('guard'), process: guardedSchema }),
  z.object({ order: z.literal('dismiss') }),
]);
export type GuardianOrder = z.output<typeof orderSchema>;

/** One line of JSON each. */
export const encodeOrder = (order: GuardianOrder): string => `${JSON.stringify(order)}\n`;
export const decodeOrder = (line: string): GuardianOrder => orderSchema.parse(JSON.parse(line));
