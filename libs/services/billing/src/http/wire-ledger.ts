import { z } from 'zod';

/** One line of the bill: an attempt, the event it comes from, and the rule and list that priced it. */
export const wireLedgerLineSchema = z.object({
  instance: z.number().int(),
  attempt: z.number().int(),
  leaseId: z.string(),
  node: z.string(),
  specificationKey: z.string(),
  cpuModel: z.string(),
  plan: z.string(),
  outcome: z.string(),
  cause: z.string().nullable(),
  startedAt: z.string().nullable(),
  endedAt: z.string(),
  billedMs: z.number().int(),
  cores: z.number(),
  amountMicros: z.number().int(),
  currency: z.string(),
  rule: z.string(),
  priceListVersion: z.number().int(),
  /** Of the commit in the log that ended the attempt. */
  sequence: z.number().int(),
  commitId: z.string(),
});
export type WireLedgerLine = z.output<typeof wireLedgerLineSchema>;

export const ledgerPageSchema = z.object({
  taskId: z.string(),
  plan: z.string(),
  /** With hardware constraints the price is that of the hardware. */
  constrained: z.boolean(),
  count: z.int(),
  totalMicros: z.int(),
  lines: z.array(wireLedgerLineSchema).readonly(),
});
export type LedgerPage = z.output<typeof ledgerPageSchema>;

/** Euros; negative when more was consumed than granted. */
export const creditsSchema = z.object({ credits: z.number() });

export const linesQuerySchema = z.object({
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
});
export type LinesQuery = z.output<typeof linesQuerySchema>;

/** Euros as the contract shows them; money is a float nowhere else. */
export const euros = (micros: number): number => micros / 1_000_000;
