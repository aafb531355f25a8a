import { z } from 'zod';

/** One line of the bill: an attempt, the event it comes from, and the rule and list that priced it. */
export const wireLedgerLineSchema = z.object({
  instance: z.number().int(),
  attempt: z.number().int(),
  /** 0: the charge, or waiver, of the attempt; above: the rating run that corrects it, by the amount of this line. */
  run: z.number().int(),
  /** When it counts in statements and budgets. */
  countsAt: z.string(),
  /** An adjustment: the month (UTC) that it corrects, or in which the attempt started that was told of after its month was closed. */
  corrects: z.string().nullable(),
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
  /** Of the node's cores; 0: not known, or the command never started. */
  ghz: z.number(),
  memoryMB: z.number(),
  /** Rounded such that the lines of a task sum to its total. */
  amountMicros: z.number().int(),
  /** Whole nano-units of the exact amount, as text: a number in JSON may be too small for it. */
  amountNanos: z.string(),
  currency: z.string(),
  rule: z.string(),
  priceListVersion: z.number().int(),
  /** Of the commit in the log that ended the attempt. */
  sequence: z.number().int(),
  commitId: z.string(),
  /** Where the way leads from here: the task, or pool, and its events from the commit that ended the attempt on; null: pools list none. */
  links: z.object({ of: z.string(), events: z.string().nullable() }),
});
export type WireLedgerLine = z.output<typeof wireLedgerLineSchema>;

/** Paths of what a line is of. */
export const linksOf = (kind: string, id: string, sequence: number): WireLedgerLine['links'] => ({
  of: `/${kind}s/${encodeURIComponent(id)}`,
  events: kind === 'task' ? `/fornax/v1/tasks/${encodeURIComponent(id)}/events?after=${sequence - 1}` : null,
});

/** An attempt that has no price yet. */
export const unratedSchema = z.object({
  taskId: z.string(),
  instance: z.number().int(),
  attempt: z.number().int(),
  owner: z.string(),
  reason: z.enum(['no-price-list', 'unknown-frequency']),
  sequence: z.number().int(),
});
export type WireUnrated = z.output<typeof unratedSchema>;
export const unratedPageSchema = z.object({
  count: z.int(),
  attempts: z.array(unratedSchema).readonly(),
  /** Of meters of storage. */
  readings: z.int(),
});

export const ledgerPageSchema = z.object({
  /** The task, or the pool. */
  taskId: z.string(),
  plan: z.string(),
  /** With hardware constraints the price is that of the hardware. */
  constrained: z.boolean(),
  count: z.int(),
  /** Rounded once, as the price list says. */
  totalMicros: z.int(),
  /** Attempts that have no price yet: they are in no line, and will be. */
  unrated: z.int(),
  /** What is on nodes now: in no line yet. */
  running: z.object({ attempts: z.int(), micros: z.int() }),
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
