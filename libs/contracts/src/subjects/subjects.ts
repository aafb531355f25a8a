/**
 * Every NATS subject, stream and consumer name that Fornax uses (architecture, section 2). Code takes them from here; patterns that say who may use
 * them are in `nats-rights.ts`, the event catalogue (`asyncapi/asyncapi.ts`) and the configurations of servers.
 */

export const AGGREGATES = [
  'task',
  'job',
  'pool',
  'node',
  'bucket',
  'snapshot',
  'account',
  'pricing',
  'webhook',
  'node-token',
  'secret',
  'secret-access',
  'master-key',
  'spending',
  'log-archive',
  'meter',
  'profile',
] as const;
export type Aggregate = (typeof AGGREGATES)[number];

export const STREAMS = {
  events: 'FORNAX_EVENTS',
  dispatch: 'FX_DISPATCH',
  reports: 'FX_REPORTS',
  logs: 'FX_LOGS',
  quarantine: 'FX_QUARANTINE',
} as const;

/** One subject token: NATS forbids '.', '*', '>' and white space in it, so ids are percent-encoded, with '.' and '*' too. */
const encodeToken = (id: string): string => encodeURIComponent(id).replaceAll('.', '%2E').replaceAll('*', '%2A');
const decodeToken = (token: string): string => decodeURIComponent(token);
/** The same of a token that anybody may have made: undefined when encodeToken did not. */
const nameOf = (token: string): string | undefined => {
  try {
    return decodeToken(token);
  } catch {
    return undefined;
  }
};

export const eventSubject = (aggregate: Aggregate, id: string): string => `fx.ev.${aggregate}.${encodeToken(id)}`;
export const allEventsSubject = 'fx.ev.>';

/** `checksum`: of one commit (`sha256-<base64url>`); commits that are older than it have none. */
export const EVENT_HEADERS = { checksum: 'Fx-Checksum' } as const;

/** @throws Error for a subject that eventSubject did not make */
export const parseEventSubject = (subject: string): { readonly aggregate: Aggregate; readonly id: string } => {
  const [fx, ev, kind, token, ...rest] = subject.split('.');
  const aggregate = AGGREGATES.find((name) => name === kind);
  if (fx !== 'fx' || ev !== 'ev' || !aggregate || token === undefined || rest.length > 0) {
    throw new Error(`not an event subject: ${subject}`);
  }
  return { aggregate, id: decodeToken(token) };
};

/**
 * Somebody waits to write an aggregate that another writes all the time, who is asked to leave a gap. Core NATS, not stored, without a body:
 * one that is lost costs the waiting one some more tries. Published by whoever decides commands, heard by the leading scheduler.
 */
export const yieldSubject = (aggregate: Aggregate, id: string): string => `fx.yield.${aggregate}.${encodeToken(id)}`;
export const allYieldsSubject = (aggregate: Aggregate): string => `fx.yield.${aggregate}.*`;
/** The aggregate's id. */
export const parseYieldSubject = (subject: string): string => decodeToken(subject.split('.')[3] ?? '');

/** `leaderEpoch`: of the scheduler that orders; a node ignores orders of a smaller one than it has heard in its session. */
export const ORDER_HEADERS = { leaderEpoch: 'Fx-Leader-Epoch' } as const;
/** Leases and orders to a node; consumed by the durable consumer named after the node. */
export const dispatchSubject = (node: string): string => `fx.dispatch.${encodeToken(node)}`;
export const allDispatchSubject = 'fx.dispatch.*';
export const dispatchConsumer = (node: string): string => encodeToken(node);
/** What the durable consumer of a node filters by. */
export const dispatchSubjectOfConsumer = (durable: string): string => `fx.dispatch.${durable}`;

/** The server tells, in the account that owns the streams, that one was deleted. */
export const streamDeletionsSubject = '$JS.EVENT.ADVISORY.STREAM.DELETED.*';

/** Requests to whoever makes consumers, which no service may (ADR 0019). */
export const allConsumerRequests = 'fx.consumer.>';
export const readerRequestSubject = (stream: string): string => `fx.consumer.read.${stream}`;
/** `durable` may be a wildcard. */
export const durableRequestSubject = (stream: string, durable: string): string =>
  `fx.consumer.durable.${stream}.${durable}`;

/** Steps of putting a lost event log back, asked of whoever owns the streams: `begin`, `append`, `finish`. */
export const restoreSubject = (step: 'begin' | 'append' | 'finish'): string => `fx.restore.${step}`;
export const allRestoreSubject = 'fx.restore.*';
/** Where a message of the log is put while the log is put back: the stream gives it its own subject again (ADR 0129). @throws Error it is no subject of the log */
export const restoringSubject = (subject: string): string => {
  const [, rest] = /^fx\.ev\.([^\s.*>]+(?:\.[^\s.*>]+)*)$/.exec(subject) ?? [];
  if (rest === undefined) throw new Error(`not a subject of the event log: ${JSON.stringify(subject)}`);
  return `fx.restoring.${rest}`;
};
export const allRestoringSubject = 'fx.restoring.>';

/** Id of the aggregate that says up to where the log is in its archive alone. */
export const LEFT_ID = 'left';
/** Asked of whoever owns the streams: to take out of the log what has left it. */
export const leaveSubject = 'fx.leave';

/** Reports from a node about leases, consumed by the scheduler (work queue). */
export const reportSubject = (node: string): string => `fx.report.${encodeToken(node)}`;
export const allReportsSubject = 'fx.report.*';
/** The node that a report came from, which NATS permissions prove. @returns undefined for a subject that no node has */
export const parseReportSubject = (subject: string): string | undefined => {
  const [fx, report, node, ...rest] = subject.split('.');
  return fx === 'fx' && report === 'report' && node && rest.length === 0 ? nameOf(node) : undefined;
};
/** Reports from a node about snapshots, consumed by the snapshot service (same work queue). */
export const snapshotReportSubject = (node: string): string => `fx.report.${encodeToken(node)}.snapshot`;
export const allSnapshotReportsSubject = 'fx.report.*.snapshot';
/** The node that a snapshot report came from, which NATS permissions prove. */
export const parseSnapshotReportSubject = (subject: string): string => decodeToken(subject.split('.')[2] ?? '');
export const isSnapshotReportSubject = (subject: string): boolean => subject.split('.').length === 4;
export const reportStreamSubjects = ['fx.report.*', 'fx.report.*.snapshot'] as const;

/** What is known of one message or fold that was put aside: found, decided, tried again; every service publishes and follows these. */
export const quarantineSubject = (id: string): string => `fx.quarantine.${encodeToken(id)}`;
export const allQuarantineSubject = 'fx.quarantine.*';
export const parseQuarantineSubject = (subject: string): string => decodeToken(subject.split('.')[2] ?? '');

export type OutputStream = 'stdout' | 'stderr';
/** Output of one instance, as its node tells it. The message body is raw bytes; headers in LOG_HEADERS. */
export const logSubject = (node: string, task: string, instance: number, stream: OutputStream): string =>
  `fx.log.${encodeToken(node)}.${encodeToken(task)}.${instance}.${stream}`;
export const allLogsSubject = 'fx.log.>';
/** Where a node may tell output, and nowhere else. */
export const nodeLogsSubject = (node: string): string => `fx.log.${encodeToken(node)}.>`;
/** All output of a task, of whatever node. */
export const taskLogsSubject = (task: string): string => `fx.log.*.${encodeToken(task)}.*.*`;
/** All output of a task that an earlier version put into the stream: the subject named no node then. */
export const unnamedTaskLogsSubject = (task: string): string => `fx.log.${encodeToken(task)}.*.*`;

export interface LogPlace {
  /** The node that the output came from, which NATS permissions prove; undefined before nodes were named. */
  readonly nodeId: string | undefined;
  readonly taskId: string;
  readonly instance: number;
  readonly stream: OutputStream;
}

/** @returns undefined for a subject that no version of `logSubject` made */
export const parseLogSubject = (subject: string): LogPlace | undefined => {
  const tokens = subject.split('.');
  const [stream, instance, task, node] = tokens.slice(2).reverse();
  const isWhole = tokens.length === 6 || tokens.length === 5;
  if (!isWhole || !task || !/^\d{1,10}$/.test(instance ?? '') || (stream !== 'stdout' && stream !== 'stderr'))
    return undefined;
  const nodeId = node === undefined ? undefined : nameOf(node);
  const taskId = nameOf(task);
  if (taskId === undefined || (node !== undefined && nodeId === undefined)) return undefined;
  return { nodeId, taskId, instance: Number(instance), stream };
};
/** `lease`: lease id; `offset`: byte offset of the chunk within this lease's stream; `attempt`: number of the try. */
export const LOG_HEADERS = { lease: 'Fx-Lease', offset: 'Fx-Offset', attempt: 'Fx-Attempt' } as const;

/** Heartbeats: core NATS, not stored. */
export const heartbeatSubject = (node: string): string => `fx.hb.${encodeToken(node)}`;
export const allHeartbeatsSubject = 'fx.hb.*';

/** Heartbeats that name leases, as the registry passes them on to the scheduler: core NATS, not stored. Nodes reach one listener each. */
export const heldLeasesSubject = (node: string): string => `fx.held.${encodeToken(node)}`;
export const allHeldLeasesSubject = 'fx.held.*';

/** What a node's instances do now: core NATS, not stored. */
export const liveSubject = (node: string): string => `fx.live.${encodeToken(node)}`;
export const allLiveSubject = 'fx.live.*';
/** The node that a live message came from, which NATS permissions prove. */
export const parseLiveSubject = (subject: string): string | undefined => nameOf(subject.split('.')[2] ?? '');

export const NODE_RPC_METHODS = [
  'join',
  'leave',
  'rotate',
  'grant',
  'snapshot-grant',
  'state-saved',
  'output-read',
  'secrets',
  'ways',
] as const;
export type NodeRpcMethod = (typeof NODE_RPC_METHODS)[number];

/**
 * Requests a node may make; the node's name is part of the subject, so that NATS permissions prove who asks.
 * join, leave and rotate are answered by node-registry, grant by the scheduler, snapshot-grant and state-saved by snapshot,
 * output-read, secrets and ways by submission. Queue group = service name.
 */
export const nodeRpcSubject = (node: string, method: NodeRpcMethod): string =>
  `fx.rpc.node.${encodeToken(node)}.${method}`;
export const isNodeRpcSubject = (subject: string): boolean => subject.startsWith('fx.rpc.node.');
export const nodeRpcPattern = (method: NodeRpcMethod): string => `fx.rpc.node.*.${method}`;
/** Where one process of submission alone is asked, by another one. */
export const carrierRpcSubject = (carrier: string): string => `fx.rpc.submission.ways-${encodeToken(carrier)}`;
export const parseNodeRpcSubject = (subject: string): string => decodeToken(subject.split('.')[3] ?? '');

/** Requests between services (Nest's NATS transport, request/reply). */
export const RPC = {
  /** scheduler: where the instances of a task run now. */
  placements: 'fx.rpc.scheduler.placements',
  /** scheduler: is this lease current? */
  leaseStatus: 'fx.rpc.scheduler.lease-status',
  /** scheduler: which secrets may the instance of a lease read that a node holds? */
  secretRights: 'fx.rpc.scheduler.secret-rights',
  /** scheduler: why a task that is not over waits now. */
  waiting: 'fx.rpc.scheduler.waiting',
  /** snapshot: what an instance may begin with. */
  resumable: 'fx.rpc.snapshot.resumable',
  /** snapshot: tasks get their last snapshot before they are stopped. */
  stopSnapshots: 'fx.rpc.snapshot.stop-snapshots',
  /** submission: constants that one instance has by the table of its task. */
  taskRow: 'fx.rpc.submission.task-row',
  /** submission: how far instances of a task are, as they tell it. */
  liveProgress: 'fx.rpc.submission.live-progress',
  /** submission: what instances of a profile need of their node, as who asks for it may use it. */
  profileNeeds: 'fx.rpc.submission.profile-needs',
  /** submission: the data key of a task's or a pool's secret constants, wrapped. */
  constantKey: 'fx.rpc.submission.constant-key',
  /** submission: a user plans periodic snapshots of a task. */
  planSnapshots: 'fx.rpc.submission.plan-snapshots',
  /** storage: create a result bucket for an owner unless it exists; check that buckets exist and belong to the owner. */
  ensureBuckets: 'fx.rpc.storage.ensure-buckets',
  /** storage: bucket and byte counters of an account, for /info. */
  storageUsage: 'fx.rpc.storage.usage',
  /** storage: are the inputs of earlier attempts what they were? Then another task may be pinned to them. */
  holdInputs: 'fx.rpc.storage.hold-inputs',
  /** storage: messages of the event log that have left it; answered in bytes. */
  leftMessages: 'fx.rpc.storage.left-messages',
} as const;
