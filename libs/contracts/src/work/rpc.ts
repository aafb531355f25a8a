import { z } from 'zod';
import { isActor, type Actor } from '../events/commit.js';
import { resourcesSchema } from './dispatch.js';
import { MOST_PINNED_LISTS } from './input-manifest.js';

/*
 * Every request over NATS (`fx.rpc.>`), between services and from nodes, is plain JSON: the body is the request as the schema below has
 * it; the reply is `{"ok": <reply>}` or `{"error": {"code", "message"}}`. `code` is stable. The W3C `traceparent` may come as a header.
 * No reply in time means that the outcome is unknown.
 */

/** Every id that a node names; a million letters are none. */
const id = z.string().min(1).max(128);

/** `fx.rpc.node.<node>.join`, answered by node-registry once NodeJoined is committed and the node's dispatch consumer exists. */
export const joinRequestSchema = z.object({
  nodeId: id,
  /** New for every start of the agent. The same boot joining again (a reconnect) gets the same epoch back. */
  bootId: z.string().max(128),
  driver: z.string().max(256),
  warnings: z.array(z.string().max(2_000)).max(100),
  /** How many leases beyond its cores and memory the node keeps waiting by itself; absent, as of earlier agents: none, it begins what it gets. */
  leasesAhead: z.number().int().nonnegative().max(100_000).exactOptional(),
  hardware: z.object({
    specificationKey: z.string().max(256),
    cpuModel: z.string().max(256),
    cores: z.number().int().positive().max(100_000),
    memoryMB: z.number().int().positive().max(1_000_000_000),
    ghz: z.number().positive().max(1_000),
    ssd: z.boolean(),
    gpus: z.number().int().nonnegative().max(10_000),
    /** Whether instances that ask for the network get out to it; absent, as of earlier agents: not known, and tried. */
    wayOut: z.boolean().exactOptional(),
    /** Whether ports of its instances can be forwarded, and whether it takes tasks that name an image, and those that name none; absent, as of earlier agents: not known, and tried. */
    waysIn: z.boolean().exactOptional(),
    images: z.boolean().exactOptional(),
    hostPrograms: z.boolean().exactOptional(),
    slots: z.boolean().exactOptional(),
    /** Room for files of instances, in megabytes of a million bytes; absent, as of earlier agents: not known, and none is promised. */
    diskMB: z.number().int().nonnegative().max(1_000_000_000_000).exactOptional(),
    /** What the machine draws while nothing runs, and what each busy core adds, in thousandths of a watt; absent: not known. */
    power: z
      .object({
        idleMilliwatts: z.number().int().nonnegative().max(1_000_000_000),
        coreMilliwatts: z.number().int().nonnegative().max(1_000_000_000),
      })
      .exactOptional(),
    /** Where it stands; absent: the default site. */
    site: z.string().min(1).max(128).exactOptional(),
  }),
});
export const joinReplySchema = z.object({
  nodeEpoch: z.number().int(),
  heartbeatMs: z.number().int(),
  /** Silence after which the node is declared lost; the agent kills its instances at two thirds of it. */
  graceMs: z.number().int(),
  /** How often a heartbeat is to name the leases that the node works on; absent in replies of earlier registries, which read no such list. */
  leaseListMs: z.number().int().exactOptional(),
  /** When the event log was last accepted as it was, if ever: a node that has joined before ends what it runs, which this log may not know. */
  logAcceptedAt: z.number().int().exactOptional(),
  /** The node is to make itself a new key (`rotate`). */
  rotate: z.literal(true).exactOptional(),
});
export type JoinRequest = z.output<typeof joinRequestSchema>;
export type JoinReply = z.output<typeof joinReplySchema>;

export const leaveRequestSchema = z.object({ nodeId: id, nodeEpoch: z.number().int() });
export const leaveReplySchema = z.object({});

/** `fx.rpc.node.<node>.grant`, answered by the scheduler if the lease is current on that node: what a lease needs and no stream may hold. */
export const grantRequestSchema = z.object({
  leaseId: id,
  taskId: id,
  instance: z.number().int(),
  /** The node takes the row of a table and the folder of results from the grant. Absent of earlier agents, which would run without them. */
  takesRow: z.literal(true).exactOptional(),
  /** The node runs a pinned instance with the inputs that the grant names, and no others. Absent of earlier agents. */
  takesPin: z.literal(true).exactOptional(),
  /** The node begins a resumed instance with the snapshot that the grant names. Absent of earlier agents. */
  takesRestore: z.literal(true).exactOptional(),
  /** The node asks for the secrets of an order that says there are some. Absent of earlier agents, which would run without them. */
  takesSecrets: z.literal(true).exactOptional(),
});
/** A part of a complete snapshot that an instance begins with. */
export const restoreSchema = z.object({
  /** The snapshot's task, which may be the one that the instance's own was made from. */
  taskId: id,
  snapshotId: id,
  /** SHA-256 of the manifest, in hex. */
  manifest: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Restore = z.output<typeof restoreSchema>;
export const grantReplySchema = z.discriminatedUnion('granted', [
  z.object({
    granted: z.literal(true),
    s3: z.object({ accessKey: z.string(), secretKey: z.string(), sessionToken: z.string() }),
    /** Decrypted secret constants. */
    secrets: z.record(z.string(), z.string()),
    /** What the instance gets of its task's resources, which is what it may read; absent: all that the order names. */
    inputs: resourcesSchema.optional(),
    /** Constants of this instance alone, by name: the row of its task's table. They come before those of the order. */
    row: z.record(z.string(), z.string()).optional(),
    /** The folder of its results with references filled in; absent: the order's. */
    resultsFolder: z.string().optional(),
    /** SHA-256 of the list of inputs that a pinned instance gets, in hex. */
    pin: z.string().optional(),
    /** Of a snapshot: what is written is published once it is complete, and has a manifest. Absent of earlier services: it is written in place. */
    stages: z.literal(true).exactOptional(),
    /** Of a snapshot: the part that may be copied from, which is complete. */
    before: z.string().exactOptional(),
    /** Of a lease: the part of a snapshot that the instance begins with, and the digest of its manifest. */
    restore: restoreSchema.exactOptional(),
  }),
  z.object({
    granted: z.literal(false),
    reason: z.string(),
    /** What the instance fails with where its user has to see to it; absent: it is the platform's matter. */
    code: z.literal('FX-SNAPSHOT').exactOptional(),
  }),
]);
export type GrantRequest = z.output<typeof grantRequestSchema>;
export type GrantReply = z.output<typeof grantReplySchema>;

/** `fx.rpc.node.<node>.snapshot-grant`, answered by the snapshot service if the lease is a part of that snapshot on that node. */
export const snapshotGrantRequestSchema = z.object({
  snapshotId: id,
  leaseId: id,
  /** As in `grantRequestSchema`. */
  takesRow: z.literal(true).exactOptional(),
  /** The node says in the end what is to be published, and stores a manifest. Absent of earlier agents, which write in place. */
  stages: z.literal(true).exactOptional(),
  /** The snapshot that the node took of this instance last. */
  before: id.exactOptional(),
});
export type SnapshotGrantRequest = z.output<typeof snapshotGrantRequestSchema>;

/**
 * `fx.rpc.node.<node>.state-saved`, answered by the snapshot service if the instance of the lease runs on that node: its program ended with the exit code by
 * which it says that its state is saved, and a snapshot of it alone is triggered. Safe to repeat: each number of a lease gives one snapshot. It is refused for more
 * of them than a program can save in the time that the instance has run.
 */
export const stateSavedRequestSchema = z.object({
  leaseId: id,
  taskId: id,
  instance: z.number().int().nonnegative(),
  /** 1 for the first time that it ended so, under this lease. */
  number: z.number().int().positive().max(Number.MAX_SAFE_INTEGER),
  exitCode: z.number().int().min(1).max(255),
});
export const stateSavedReplySchema = z.discriminatedUnion('triggered', [
  z.object({ triggered: z.literal(true), snapshotId: id }),
  z.object({
    triggered: z.literal(false),
    reason: z.string(),
    /** The task's user has to see to it; absent: it is the platform's matter. */
    isUsers: z.literal(true).exactOptional(),
  }),
]);
export type StateSavedRequest = z.output<typeof stateSavedRequestSchema>;
export type StateSavedReply = z.output<typeof stateSavedReplySchema>;

/**
 * `fx.rpc.node.<node>.output-read`, answered by submission when the output that the node has sent was read up to `reach`, or two seconds later:
 * how a node learns how much more it may send (ADR 0053).
 */
export const outputReadRequestSchema = z.object({
  /** Sequence in the stream of output; 0: nothing of the node's is unread. */
  reach: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  /** Tasks with output that waits on the node, or that it does not know to be read. */
  tasks: z.array(id).max(64),
});
export const outputReadReplySchema = z.object({
  /** All output up to this sequence was read. */
  read: z.number().int().nonnegative(),
  /** What the node may have in the stream unread, in bytes. */
  windowBytes: z.number().int().positive(),
  /** Those of the tasks whose output must wait, until what there is of it has been moved to object storage. */
  held: z.array(z.string()),
});
export type OutputReadRequest = z.output<typeof outputReadRequestSchema>;
export type OutputReadReply = z.output<typeof outputReadReplySchema>;

/** RPC.constantKey: the data key of secret constants of a task or a pool, as the master key wraps it. */
export const constantKeyRequestSchema = z.object({ keyId: id, ownerId: id });
/** Null: it was destroyed, or is lost. */
export const constantKeyReplySchema = z.object({ wrapped: z.string().nullable() });

/** RPC.taskRow: constants of one instance, of the table that its task has. */
export const taskRowRequestSchema = z.object({ taskId: id, digest: z.string(), instance: z.number().int() });
export const taskRowReplySchema = z.object({
  /** Null: the table is lost, or has no such row. */
  row: z.record(z.string(), z.string()).nullable(),
});

/** Most leases that one answer tells of. */
export const MOST_LIVE_PROGRESS = 20_000;

/** RPC.liveProgress: what leases of a task tell of their progress, as their nodes said last. */
export const liveProgressRequestSchema = z.object({ taskId: id });
export const liveProgressReplySchema = z.object({
  /** Those that tell anything. */
  leases: z
    .array(z.object({ node: id, leaseId: id, progress: z.number().min(0).max(100), executionMs: z.number().min(0) }))
    .max(MOST_LIVE_PROGRESS),
});

/** RPC.profileNeeds: what instances of a profile that somebody published need of their node. */
export const profileNeedsRequestSchema = z.object({ profile: z.string().min(1).max(256), accountId: id });
const need = z.literal(true).exactOptional();
export const profileNeedsReplySchema = z.object({
  /** Null: there is none, or who asks may not use it. */
  needs: z.object({ wayOut: need, waysIn: need, image: need, hostPrograms: need }).nullable(),
});

/** RPC.planSnapshots: what the user asked for, as it may be; what is left out stays as it is. */
export const planSnapshotsRequestSchema = z.object({
  taskId: id,
  /** Who asks. */
  accountId: id,
  correlationId: z.string(),
  reason: z.string().exactOptional(),
  plan: z.object({
    intervalSeconds: z.number().int().nonnegative(),
    bucket: z.string().nullable().exactOptional(),
    prefix: z.string().nullable().exactOptional(),
    whitelist: z.string().nullable().exactOptional(),
    blacklist: z.string().nullable().exactOptional(),
    retention: z
      .object({ last: z.int().exactOptional(), hourly: z.int().exactOptional(), daily: z.int().exactOptional() })
      .nullable()
      .exactOptional(),
  }),
});
/** It is planned, and reads show it. */
export const planSnapshotsReplySchema = z.object({});
export type PlanSnapshotsRequest = z.output<typeof planSnapshotsRequestSchema>;

/** RPC.resumable: the part of the latest complete snapshot, or of a certain one, that an instance may begin with. */
export const resumableRequestSchema = z.object({
  taskId: id,
  instance: z.number().int(),
  snapshotId: id.exactOptional(),
});
export const resumableReplySchema = z.object({
  /** Null: there is none. */
  restore: restoreSchema.nullable(),
});

/** Most tasks of one request to stop. */
export const MOST_STOPS = 100;
/** RPC.stopSnapshots: the snapshot that each of these tasks gets before it is stopped is triggered, unless it was. Safe to repeat: one request of an instant and an id gives a task one snapshot. */
export const stopSnapshotsRequestSchema = z.object({
  taskIds: z.array(id).max(MOST_STOPS),
  /** What stops them, and since when, in milliseconds. */
  stop: z.object({ id, at: z.number() }),
});
/** Those of which nobody knows yet are left out: they may be asked for again. */
export const stopSnapshotsReplySchema = z.object({
  snapshots: z.array(
    z.discriminatedUnion('status', [
      z.object({ taskId: id, status: z.literal('none') }),
      z.object({ taskId: id, status: z.literal('over') }),
      z.object({ taskId: id, status: z.literal('open'), triggeredAt: z.number() }),
    ]),
  ),
});
export type StopSnapshotsReply = z.output<typeof stopSnapshotsReplySchema>;

/** RPC.placements */
export const placementsRequestSchema = z.object({
  taskId: z.string(),
  /** Of one instance alone; absent: of all. */
  instance: z.number().int().nonnegative().exactOptional(),
});
export type PlacementsRequest = z.output<typeof placementsRequestSchema>;
export const placementsReplySchema = z.object({
  /** Leases whose command has started and not ended. */
  running: z.array(
    z.object({
      instance: z.number().int(),
      leaseId: z.string(),
      node: z.string(),
      /** When it started, by the log, milliseconds. */
      startedAt: z.number(),
    }),
  ),
});
export type PlacementsReply = z.output<typeof placementsReplySchema>;

/** RPC.waiting */
export const waitingRequestSchema = z.object({ taskId: z.string() });
export const waitingReplySchema = z.discriminatedUnion('known', [
  /** Not in the scheduler's view: no such task, or finished. */
  z.object({ known: z.literal(false) }),
  z.object({
    known: z.literal(true),
    taskId: z.string(),
    owner: z.string(),
    waiting: z.number(),
    reason: z.string().nullable(),
    detail: z.string().nullable(),
    /** Milliseconds since the epoch. */
    waitingSince: z.number().nullable(),
  }),
]);
export type WaitingReply = z.output<typeof waitingReplySchema>;

/**
 * `fx.rpc.node.<node>.secrets`, answered by submission if the lease is current on that node: the secrets that its instance may read, in the order of their
 * keys, a part at a time. What was not given to that lease in that version before is an event (`SecretsGranted`).
 */
export const secretsRequestSchema = z.object({
  leaseId: id,
  taskId: id,
  instance: z.number().int(),
  /** Where the part before says that the next one begins (`next`). */
  after: z.string().max(1_024).exactOptional(),
  /** What an instance that runs asks for: one secret, or all in a folder, which ends with a slash (empty: everywhere). Absent: it starts, and gets all. */
  wants: z
    .union([
      z.object({ key: z.string().max(1_024) }),
      z.object({ below: z.string().max(1_025), namesOnly: z.boolean().exactOptional() }),
    ])
    .exactOptional(),
});
export const secretsReplySchema = z.discriminatedUnion('granted', [
  z.object({
    granted: z.literal(true),
    secrets: z.array(z.object({ key: z.string(), version: z.number().int(), value: z.string() })),
    /** Keys, where only names were asked for; there are no `secrets` then. */
    names: z.array(z.string()).exactOptional(),
    /** Another part comes after this one. */
    hasMore: z.boolean(),
    /** The key that the next part comes after; absent of earlier services: the last of this one. */
    next: z.string().exactOptional(),
    /** In the first part: keys that the task names one by one and that no secret has, some of them. */
    missing: z.array(z.string()).exactOptional(),
  }),
  z.object({
    granted: z.literal(false),
    reason: z.string(),
    /** It is for the user to mend: the code of the failure. */
    code: z.literal('FX-SECRETS').exactOptional(),
  }),
]);
export type SecretsRequest = z.output<typeof secretsRequestSchema>;
export type SecretsReply = z.output<typeof secretsReplySchema>;

/** RPC.secretRights */
export const secretRightsRequestSchema = z.object({
  leaseId: z.string(),
  taskId: z.string(),
  instance: z.number().int(),
  node: z.string(),
});
export const secretRightsReplySchema = z.discriminatedUnion('current', [
  z.object({ current: z.literal(false) }),
  z.object({
    current: z.literal(true),
    owner: z.string(),
    keys: z.array(z.string()),
    prefixes: z.array(z.string()),
  }),
]);
export type SecretRightsReply = z.output<typeof secretRightsReplySchema>;

/** RPC.leaseStatus */
export const leaseStatusRequestSchema = z.object({
  leaseId: z.string(),
  taskId: z.string(),
  instance: z.number().int(),
});
export const leaseStatusReplySchema = z.object({ current: z.boolean() });

/** RPC.ensureBuckets: `mustExist` are checked, `create` are created for the owner unless they exist. */
export const ensureBucketsRequestSchema = z.object({
  owner: z.string(),
  mustExist: z.array(z.string()),
  create: z.array(z.string()),
  actor: z.custom<Actor>(isActor, 'must be user:<id>, service:<name> or node:<id>'),
  correlationId: z.string(),
});
export const ensureBucketsReplySchema = z.object({
  /** Buckets that do not exist or belong to somebody else (the caller may not learn which). */
  missing: z.array(z.string()),
  /** Names that cannot be created (taken by another account, or not a bucket name). Nothing was created when one of the lists is not empty. */
  refused: z.array(z.object({ bucket: z.string(), reason: z.string() })),
});

/** RPC.holdInputs: looks whether the objects that lists of `fromTask` name are what they were, and if so, keeps the lists for `toTask`. */
export const holdInputsRequestSchema = z.object({
  /** Of both tasks. */
  owner: z.string(),
  fromTask: id,
  toTask: id,
  /** Of the lists. */
  digests: z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(MOST_PINNED_LISTS),
});
const INPUT_CHANGES = ['deleted', 'replaced', 'mode', 'unreadable'] as const;
export const holdInputsReplySchema = z.object({
  /** Lists that are not there any more. Nothing is kept unless all three are empty. */
  lost: z.array(z.string()),
  /** Lists of attempts to which new files were brought while they ran. */
  refreshed: z.array(z.string()),
  /** The first of the objects that are not what they were. */
  changed: z.array(z.object({ bucket: z.string(), key: z.string(), change: z.enum(INPUT_CHANGES) })),
  /** How many there are. */
  changedCount: z.number().int(),
});
export type HoldInputsRequest = z.output<typeof holdInputsRequestSchema>;
export type HoldInputsReply = z.output<typeof holdInputsReplySchema>;

/** RPC.storageUsage */
export const storageUsageRequestSchema = z.object({ owner: z.string() });
export const storageUsageReplySchema = z.object({
  bucketCount: z.number().int(),
  usedBytes: z.number(),
  objectCount: z.number().exactOptional(),
});

/**
 * The claims of a lease's S3 credentials; travels as the session token: base64url(JSON claims) + '.' + base64url(HMAC-SHA-256).
 * The secret key is derived from the token, so no service stores it (architecture, section 6).
 */
export const leaseClaimsSchema = z.object({
  leaseId: z.string(),
  taskId: z.string(),
  instance: z.number().int(),
  node: z.string(),
  owner: z.string(),
  /** Buckets (with optional prefix) that may be read. */
  read: z.array(z.object({ bucket: z.string(), prefix: z.string().optional() })),
  /** Results: written to the attempt's staging area, published when the attempt's success is committed. */
  results: z.object({ bucket: z.string(), prefix: z.string().nullable() }).nullable(),
  /**
   * A snapshot. With its id: written to an area of its own, and published when its completion is committed; files of the instance's part of `before` may be
   * copied. Without, of an earlier agent: written in place, at once.
   */
  snapshot: z
    .object({
      bucket: z.string(),
      prefix: z.string().nullable(),
      id: z.string().exactOptional(),
      before: z.string().exactOptional(),
    })
    .nullable(),
  /** The snapshot that the instance begins with: its part of it may be read, and the manifest of that. */
  restore: restoreSchema.exactOptional(),
  /** The list of pinned inputs that may be read, by its SHA-256 in hex. */
  pin: z.string().exactOptional(),
  expiresAt: z.number(),
});
export type LeaseClaims = z.output<typeof leaseClaimsSchema>;

/**
 * The claims of a service that keeps objects of the platform's own, which belong to no account and count against no quota. Sealed as
 * `leaseClaimsSchema` is, under keys of their own. `area` is where it may read, write and delete, of `manifests` read alone: nowhere else.
 */
export const serviceClaimsSchema = z.object({
  service: z.string(),
  area: z.enum(['output', 'tables', 'manifests']),
  expiresAt: z.number(),
});
export type ServiceClaims = z.output<typeof serviceClaimsSchema>;
