import { z } from 'zod';

/**
 * What travels on `fx.dispatch.<node>`: a batch of orders, JSON. Orders are safe to repeat: an agent drops a lease that it
 * has or had, and a lease whose node epoch is not its own. No secret travels here: they are asked for by lease (`grant`).
 */
const leaseOrder = z.object({
  kind: z.literal('lease'),
  leaseId: z.string(),
  nodeEpoch: z.number().int(),
  taskId: z.string(),
  owner: z.string(),
  instance: z.number().int(),
  instanceCount: z.number().int(),
  attempt: z.number().int(),
  profile: z.string(),
  /** Constants in clear, profile defaults included; sealed ones are only named in `secretKeys`. */
  constants: z.array(z.object({ key: z.string(), value: z.string() })),
  secretKeys: z.array(z.string()),
  resources: z.array(
    z.object({ bucket: z.string(), prefix: z.string().optional(), stripPrefix: z.string().optional() }),
  ),
  results: z
    .object({
      bucket: z.string(),
      prefix: z.string().nullable(),
      whitelist: z.string().nullable(),
      blacklist: z.string().nullable(),
    })
    .nullable(),
  uploadResultsOnCancellation: z.boolean(),
  cores: z.number(),
  memoryMB: z.number(),
  /** W3C trace context of the dispatch, so that the node's spans join the submitter's trace. */
  traceparent: z.string().optional(),
});

const cancelOrder = z.object({ kind: z.literal('cancel'), leaseId: z.string(), taskId: z.string() });

const snapshotOrder = z.object({
  kind: z.literal('snapshot'),
  snapshotId: z.string(),
  taskId: z.string(),
  leaseId: z.string(),
  instance: z.number().int(),
  bucket: z.string(),
  prefix: z.string().nullable(),
  whitelist: z.string().nullable(),
  blacklist: z.string().nullable(),
  traceparent: z.string().optional(),
});

export const dispatchOrderSchema = z.discriminatedUnion('kind', [leaseOrder, cancelOrder, snapshotOrder]);
export const dispatchMessageSchema = z.array(dispatchOrderSchema);
export type DispatchOrder = z.output<typeof dispatchOrderSchema>;
export type LeaseOrder = z.output<typeof leaseOrder>;
export type CancelOrder = z.output<typeof cancelOrder>;
export type SnapshotOrder = z.output<typeof snapshotOrder>;
