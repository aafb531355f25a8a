import { z } from 'zod';

/** Milliseconds since 1970, before the year 2100: what read models can hold, and a broken clock cannot bill for ages. */
const instant = z.number().min(0).max(4_102_444_800_000);
const count = z.number().int().min(0).max(2_147_483_647);
const amount = z.number().min(0).max(Number.MAX_SAFE_INTEGER);

const id = z.string().min(1).max(128);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** Of a container image, as registries write it. */
const imageDigest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** Results that the report of an end names at most; all of them are in the manifest. */
export const MOST_NAMED_RESULTS = 100;

/** A key is 1,024 bytes at most, and a folder gets a slash at its end. */
const MOST_FOLDER_CHARS = 1_025;

/**
 * What travels on `fx.report.<node>`: a batch of observations, JSON, oldest first. Repeats are harmless. A node speaks for itself and for the
 * leases that it holds: the subject says which node it is, and what else the message says of that is only compared.
 */
const about = {
  leaseId: id,
  taskId: id,
  instance: count,
  traceparent: z.string().optional(),
};

/** Most notes of one end, or of one part of a snapshot. */
export const MOST_NOTES = 20;
const MOST_NOTE_CHARS = 1_000;

const started = z.object({
  kind: z.literal('started'),
  ...about,
  startedAt: instant,
  /** The snapshot that it began with; absent: none, or of an earlier agent. */
  snapshotId: id.exactOptional(),
  /** The image that it runs in; absent: none, or of an earlier agent. */
  image: imageDigest.exactOptional(),
});
/** The command is over; upload goes on. */
const exited = z.object({ kind: z.literal('exited'), ...about });
/** The lease is over: everything is uploaded (or nothing could be). The node has forgotten the instance. */
const ended = z.object({
  kind: z.literal('ended'),
  ...about,
  outcome: z.enum(['success', 'failure', 'cancelled']),
  cause: z.enum(['user', 'platform', 'limit']).optional(),
  exitCode: z.number().int().min(-2_147_483_648).max(2_147_483_647).optional(),
  signal: z.string().optional(),
  startedAt: instant.optional(),
  endedAt: instant,
  cpuMs: amount.optional(),
  peakMemoryMB: amount.optional(),
  /** Time that inputs took, that everything else before the command took, and that results took, milliseconds. */
  downloadMs: amount.optional(),
  environmentMs: amount.optional(),
  uploadMs: amount.optional(),
  /** Frequency of the cores while the command ran. */
  averageGHz: z.number().min(0).max(1_000).optional(),
  uploadedFiles: count,
  uploadedBytes: amount.int(),
  /** Paths of the first results, relative to the folder of results: as many as an event may hold. Absent of earlier agents. */
  results: z.array(z.string().max(1_024)).max(MOST_NAMED_RESULTS).optional(),
  /** The folder of results, where the grant said it: `results` are relative to it. */
  folder: z.string().max(MOST_FOLDER_CHARS).optional(),
  /** SHA-256 of the manifest of the results, in hex. Absent when there is none, and of earlier agents. */
  manifest: sha256.optional(),
  /** SHA-256 of the list of the inputs that it got, in hex. Absent when there is none, and of earlier agents. */
  inputs: sha256.optional(),
  /** The image that it ran in. Absent when there is none, and of earlier agents. */
  image: imageDigest.optional(),
  error: z.object({ code: z.string(), message: z.string(), debug: z.string() }).optional(),
  /** What the user should know though it is no failure, e.g. which files are no results. */
  notes: z.array(z.string()).max(MOST_NOTES).optional(),
});

/** The node was asked about a lease that it does not have, and knows nothing of how it ended. It will not begin it any more. */
const unknown = z.object({ kind: z.literal('unknown'), ...about });

/** The lease waited on the node for too long and was never begun: its instance may run elsewhere. The node will not begin it any more. */
const returned = z.object({ kind: z.literal('returned'), ...about });

/** A slot of a pool has fetched the resources of the request with this number, and of all before it. */
const refreshed = z.object({ kind: z.literal('refreshed'), ...about, update: count });

/** A slot of a pool could not fetch them. `isFinal`: it does not try again until somebody asks again. */
const refreshFailed = z.object({
  kind: z.literal('refresh-failed'),
  ...about,
  update: count,
  error: z.object({ code: z.string(), message: z.string(), debug: z.string() }),
  isFinal: z.boolean(),
});

export const nodeReportSchema = z.discriminatedUnion('kind', [
  started,
  exited,
  ended,
  unknown,
  returned,
  refreshed,
  refreshFailed,
]);
export const nodeReportsSchema = z.object({
  nodeId: id,
  nodeEpoch: count,
  reports: z.array(nodeReportSchema),
});
export type NodeReport = z.output<typeof nodeReportSchema>;
export type NodeReports = z.output<typeof nodeReportsSchema>;

/** What travels on `fx.report.<node>.snapshot`. */
export const snapshotReportSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('progress'),
    snapshotId: id,
    leaseId: id,
    sizeToUploadBytes: amount,
    transferredBytes: amount,
  }),
  z.object({
    kind: z.literal('uploaded'),
    snapshotId: id,
    leaseId: id,
    files: count,
    bytes: amount,
    /** SHA-256 of the manifest, in hex. Absent of earlier agents: nobody can begin with it. */
    manifest: sha256.exactOptional(),
    /** Bytes that came over the wire: the others were copied in the store from the snapshot before. Absent of earlier agents. */
    sentBytes: amount.exactOptional(),
    /** What the user should know though it is no failure, e.g. which files are not in it. Absent when there is nothing, and of earlier agents. */
    notes: z.array(z.string().max(MOST_NOTE_CHARS)).max(MOST_NOTES).optional(),
  }),
  z.object({ kind: z.literal('failed'), snapshotId: id, leaseId: id, reason: z.string().max(4_000) }),
]);
export type SnapshotReport = z.output<typeof snapshotReportSchema>;

/** Most leases that a heartbeat names. A node that holds more names none: a list says what is not there, too. */
export const MAX_HELD_LEASES = 4_096;

/** What a node does with a lease: before its command, with it, after it. */
export const HELD_PHASES = ['preparing', 'running', 'uploading'] as const;
export type HeldPhase = (typeof HELD_PHASES)[number];

const heldLease = z.object({
  leaseId: id,
  phase: z.enum(HELD_PHASES),
  /** Grows with whatever the node gets done in this phase: bytes that came or went. One that stands still is a phase that hangs. */
  moved: amount.int(),
});
export type HeldLease = z.output<typeof heldLease>;

/** What travels on `fx.hb.<node>` (core NATS). */
export const heartbeatSchema = z.object({
  nodeId: id,
  nodeEpoch: count,
  bootId: z.string().max(128),
  /** Leases that the node holds now. */
  leases: count,
  /** All leases that the node works on now. Absent in most heartbeats (`leaseListMs`), and in all of earlier agents. */
  held: z.array(heldLease).max(MAX_HELD_LEASES).optional(),
  /** Whether the node's disk has no room for another instance. Absent before the node has looked, and of earlier agents. */
  isDiskFull: z.boolean().optional(),
  /** Room for files of instances on that disk, in megabytes of a million bytes; kept inputs count as room. Absent where it cannot be told. */
  diskMB: amount.int().optional(),
  at: z.number(),
});
export type Heartbeat = z.output<typeof heartbeatSchema>;
