import { z } from 'zod';
import type { WebhookRow } from './webhook-row.js';
import type { Delivery } from './webhook-store.js';

const when = z.string().nullable();
const names = z.array(z.string()).nullable();

/** A webhook as its owner sees it. */
export const webhookSchema = z.object({
  id: z.string(),
  name: z.string(),
  url: z.string(),
  /** Only events of these tasks; null: of all. */
  tasks: names,
  /** Only events of these types; null: of all. */
  types: names,
  /** parked: nothing is sent until it is resumed or replayed. */
  state: z.enum(['active', 'parked']),
  createdAt: z.string(),
  /** Everything up to this place in the log was taken by the receiver. */
  position: z.int(),
  lastDeliveryAt: when,
  /** Tries that failed since the last one that did not. */
  failures: z.int(),
  failingSince: when,
  lastError: z.string().nullable(),
  parkedAt: when,
  parkedReason: z.string().nullable(),
  /** Place in the log of what could not be delivered. */
  parkedSequence: z.int().nullable(),
});
export type WebhookView = z.output<typeof webhookSchema>;
/** The only answer that holds the secret. */
export const createdWebhookSchema = webhookSchema.extend({ secret: z.string() });
export const testResultSchema = z.object({
  ok: z.boolean(),
  status: z.int().nullable(),
  error: z.string().nullable(),
  durationMs: z.number(),
});

const name = z.string().max(200);
const list = z.array(z.string().min(1).max(255)).max(100).nullish();
const place = z.union([z.int().nonnegative(), z.string().max(40)]);
export const newWebhookSchema = z.object({
  url: z
    .string()
    .min(1)
    .max(2_000)
    .regex(/^[!-~]+$/, 'must be ASCII'),
  name: name.optional(),
  tasks: list,
  types: list,
  /** Begin with what happened since then (a sequence or an instant); with what happens from now on when absent. */
  from: place.optional(),
});
export const replaySchema = z.object({ from: place });

const date = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

export const webhookView = (row: WebhookRow, delivery: Delivery, url: string): WebhookView => ({
  id: row.webhookId,
  name: row.name,
  url,
  tasks: row.filter.tasks === null ? null : [...row.filter.tasks],
  types: row.filter.types === null ? null : [...row.filter.types],
  state: row.state,
  createdAt: new Date(row.createdMs).toISOString(),
  position: delivery.sequence,
  lastDeliveryAt: date(delivery.deliveredMs),
  failures: delivery.failures,
  failingSince: date(delivery.failingSinceMs),
  lastError: delivery.lastError,
  parkedAt: date(row.parkedMs),
  parkedReason: row.parkedReason,
  parkedSequence: row.parkedSequence,
});
