import { z } from 'zod';

/** Buckets of inputs: only keys below `prefix`, and `stripPrefix` taken off their paths. Kept on the node for `cacheTtlSeconds` after their last use. */
export const resourcesSchema = z.array(
  z.object({
    bucket: z.string(),
    prefix: z.string().optional(),
    stripPrefix: z.string().optional(),
    cacheTtlSeconds: z.number().int().nonnegative().optional(),
  }),
);

/**
 * What travels on `fx.dispatch.<node>`: a batch of orders, JSON. Orders are safe to repeat: an agent drops a lease that it
 * has or had, and a lease whose node epoch is not its own. No secret travels here: they are asked for by lease (`grant`).
 */
/** What tells the leases of one task apart. */
const ownPart = {
  leaseId: z.string(),
  nodeEpoch: z.number().int(),
  instance: z.number().int(),
  attempt: z.number().int(),
  /** The lease of a pool's slot on the same node whose room the instance takes; absent: it has room of its own. */
  inSlot: z.string().exactOptional(),
} as const;

/** What they share. */
const sharedPart = {
  taskId: z.string(),
  owner: z.string(),
  instanceCount: z.number().int(),
  profile: z.string(),
  /** Which constants say what to do; absent in orders of a scheduler that knows docker-batch only. */
  run: z
    .object({
      constant: z.string(),
      how: z.enum(['words', 'script']),
      stopOnError: z.string().optional(),
      wallLimit: z.string(),
      progress: z.array(z.string()),
    })
    .optional(),
  /** What an instance may reach; absent in orders of a scheduler that does not know: then the profile's name says it (`networkOf`). */
  network: z.enum(['none', 'outgoing']).optional(),
  /** Constants in clear, profile defaults included; sealed ones, those of a table of parameters and the folder of secrets are only named in `secretKeys`. */
  constants: z.array(
    z.object({
      key: z.string(),
      value: z.string(),
      /** False: references to it are filled in, but it is no variable of the command. */
      isExported: z.boolean().optional(),
    }),
  ),
  secretKeys: z.array(z.string()),
  /** As the task has them; the grant says what of them the instance gets. */
  resources: resourcesSchema,
  results: z
    .object({
      bucket: z.string(),
      prefix: z.string().nullable(),
      whitelist: z.string().nullable(),
      blacklist: z.string().nullable(),
    })
    .nullable(),
  uploadResultsOnCancellation: z.boolean(),
  /** It may begin with a snapshot: the grant says with which. Absent: with none. */
  resumes: z.literal(true).exactOptional(),
  /** Values of its secrets stay in what it prints; absent: they are taken out of it. */
  redactOutput: z.literal(false).exactOptional(),
  cores: z.number(),
  memoryMB: z.number(),
  /** Room for its files that it was promised, in megabytes of a million bytes; absent: none, the node's bound holds. */
  diskMB: z.number().exactOptional(),
  /**
   * It is a slot of a pool (whose id stands as the task's) that takes so many instances: once its inputs are there, and its command has run where it has one, it starts, and is held
   * until it is cancelled. Absent: an instance.
   */
  slot: z.object({ prepares: z.boolean(), instances: z.number().int().positive() }).exactOptional(),
  /** Its owner's secrets are asked for by lease (`secrets`) and are there as files before it begins; absent: it may read none. */
  secrets: z.literal(true).exactOptional(),
  /** Ports of it are forwarded: asked for by lease (`ways`) once its command runs. Absent: none is. */
  ways: z.literal(true).exactOptional(),
  /** It and the others of its task find each other: on which ports they listen, and who they are. Absent: they do not. */
  cluster: z
    .object({ ports: z.array(z.number().int().min(1).max(65_535)), instances: z.array(z.number().int()) })
    .exactOptional(),
  /** W3C trace context of the dispatch, so that the node's spans join the submitter's trace. */
  traceparent: z.string().optional(),
} as const;

const leaseOrder = z.object({ kind: z.literal('lease'), ...ownPart, ...sharedPart });
/** Leases of one task: what they share is said once, for a task may have a hundred thousand. */
const leasesOrder = z.object({
  kind: z.literal('leases'),
  shared: z.object(sharedPart),
  leases: z.array(z.object(ownPart)),
});

const cancelOrder = z.object({
  kind: z.literal('cancel'),
  leaseId: z.string(),
  taskId: z.string(),
  /**
   * Absent: its user cancelled it. `stuck`: its phase does not move on, it is to end as a failure of the platform. `not-held`: the platform
   * does not know it on this node, it is to be killed without a word. Earlier agents cancel it in all three cases.
   */
  because: z.enum(['stuck', 'not-held']).optional(),
});

/** Say what became of a lease: its start, its exit, its end, or that it is not known. `asked` tells one question from the next. */
const tellOrder = z.object({
  kind: z.literal('tell'),
  leaseId: z.string(),
  taskId: z.string(),
  instance: z.number().int(),
  nodeEpoch: z.number().int(),
  asked: z.number(),
});

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
  /** Sequence of the event that triggered it; absent of earlier services. */
  sequence: z.number().int().exactOptional(),
  traceparent: z.string().optional(),
});

/** Fetch what is new or changed in the buckets of a running lease. `update` counts the requests of the task. */
const resourcesOrder = z.object({
  kind: z.literal('resources'),
  leaseId: z.string(),
  taskId: z.string(),
  update: z.number().int(),
});

/** Connect there for a session of the task's owner, whose ticket is good once and for seconds (ways.ts). Earlier agents do not know it, and nobody comes. */
const enterOrder = z.object({
  kind: z.literal('enter'),
  leaseId: z.string(),
  taskId: z.string(),
  host: z.string().min(1).max(255),
  port: z.number().int().min(1).max(65_535),
  ticket: z.string().min(1).max(128),
});

export const dispatchOrderSchema = z.discriminatedUnion('kind', [
  leaseOrder,
  cancelOrder,
  snapshotOrder,
  resourcesOrder,
  tellOrder,
  enterOrder,
]);
/** A message, read as single orders. */
export const dispatchMessageSchema = z
  .array(
    z.discriminatedUnion('kind', [
      leaseOrder,
      leasesOrder,
      cancelOrder,
      snapshotOrder,
      resourcesOrder,
      tellOrder,
      enterOrder,
    ]),
  )
  .transform((orders) =>
    orders.flatMap((order): DispatchOrder[] =>
      order.kind === 'leases' ? order.leases.map((own) => ({ kind: 'lease', ...order.shared, ...own })) : [order],
    ),
  );
export type DispatchOrder = z.output<typeof dispatchOrderSchema>;
export type LeaseOrder = z.output<typeof leaseOrder>;

/** What an instance of an order may reach. Earlier schedulers send orders of profiles that were named after it. */
export const networkOf = ({ network, profile }: Pick<LeaseOrder, 'network' | 'profile'>): 'none' | 'outgoing' =>
  network ?? (profile.split('-').includes('network') ? 'outgoing' : 'none');
export type CancelOrder = z.output<typeof cancelOrder>;
export type EnterOrder = z.output<typeof enterOrder>;
export type TellOrder = z.output<typeof tellOrder>;
export type ResourcesOrder = z.output<typeof resourcesOrder>;
export type SnapshotOrder = z.output<typeof snapshotOrder>;
