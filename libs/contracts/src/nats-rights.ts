import {
  RPC,
  STREAMS,
  allDispatchSubject,
  allHeartbeatsSubject,
  allHeldLeasesSubject,
  allLiveSubject,
  allReportsSubject,
  allRestoreSubject,
  allSnapshotReportsSubject,
  allYieldsSubject,
  eventSubject,
  leaveSubject,
  nodeRpcPattern,
  type Aggregate,
} from './subjects/subjects.js';

/** The processes of the control plane that use NATS. */
export const CONTROL_SERVICES = ['submission', 'scheduler', 'node-registry', 'storage', 'billing', 'snapshot'] as const;
export type ControlService = (typeof CONTROL_SERVICES)[number];

/** Those that open, seal and sign nothing: they are not given the master key (ADR 0120). */
const WITHOUT_MASTER_KEY: readonly string[] = ['node-registry', 'billing'] satisfies readonly ControlService[];

/** Whether a process of the control plane is to have the master key. */
export const needsMasterKey = (name: string): boolean => !WITHOUT_MASTER_KEY.includes(name);

export type StreamName = (typeof STREAMS)[keyof typeof STREAMS];

/** A durable consumer whose messages a service takes and acknowledges, with the subject that it filters by. */
export interface TakenConsumer {
  readonly stream: StreamName;
  readonly durable: string;
  readonly filter: string;
}

/** What a service may do with NATS. Everything else is refused. */
export interface ServiceRights {
  /** Aggregates whose commits it appends to the event log, which every service may read, as it may put aside what it cannot read. */
  readonly appends: readonly Aggregate[];
  /** Subjects of working streams that it sends to and gets an acknowledgement from. */
  readonly sends: readonly string[];
  /** Working streams that it reads with short-lived consumers of its own. */
  readonly follows: readonly StreamName[];
  /** Working streams of which it may take messages out. */
  readonly purges: readonly StreamName[];
  readonly takes: readonly TakenConsumer[];
  /** Streams on which it makes the durable consumers of nodes. */
  readonly prepares: readonly StreamName[];
  /** Requests that it makes of other services. */
  readonly asks: readonly string[];
  /** What it tells other services without waiting for an answer. */
  readonly tells: readonly string[];
  /** Requests that it answers, of services and of nodes. */
  readonly answers: readonly string[];
  /** What nodes and services tell without waiting for an answer. */
  readonly hears: readonly string[];
  /** Elections that it stands in. */
  readonly leads: readonly string[];
  /** What it may ask of whoever owns the streams: steps of putting a lost log back, and to take out of the log what has left it. */
  readonly restores: readonly string[];
}

const none: ServiceRights = {
  appends: [],
  sends: [],
  follows: [],
  purges: [],
  takes: [],
  prepares: [],
  asks: [],
  tells: [],
  answers: [],
  hears: [],
  leads: [],
  restores: [],
};

/** Who may do what: the one table that the server's configuration is made from, and that its tests walk. */
export const SERVICE_RIGHTS: Readonly<Record<ControlService, ServiceRights>> = {
  submission: {
    ...none,
    appends: ['task', 'job', 'pool', 'account', 'webhook', 'secret', 'secret-access', 'master-key', 'profile'],
    // Agents are told to connect for a session in an instance.
    sends: [allDispatchSubject],
    follows: [STREAMS.logs],
    // What a deleted task printed.
    purges: [STREAMS.logs],
    asks: [
      RPC.ensureBuckets,
      RPC.storageUsage,
      RPC.holdInputs,
      RPC.waiting,
      RPC.secretRights,
      RPC.stopSnapshots,
      RPC.leftMessages,
    ],
    tells: [allYieldsSubject('task'), allYieldsSubject('pool')],
    answers: [nodeRpcPattern('output-read'), nodeRpcPattern('secrets'), nodeRpcPattern('ways'), 'fx.rpc.submission.*'],
    hears: [allLiveSubject],
    leads: ['webhooks'],
  },
  scheduler: {
    ...none,
    appends: ['task', 'job', 'pool'],
    sends: [allDispatchSubject],
    takes: [{ stream: STREAMS.reports, durable: 'scheduler', filter: allReportsSubject }],
    asks: [RPC.taskRow, RPC.constantKey, RPC.resumable, RPC.leftMessages],
    answers: ['fx.rpc.scheduler.*', nodeRpcPattern('grant')],
    hears: [allYieldsSubject('task'), allYieldsSubject('pool'), allHeldLeasesSubject],
    leads: ['scheduler'],
  },
  'node-registry': {
    ...none,
    appends: ['node', 'node-token'],
    asks: [RPC.profileNeeds, RPC.leftMessages],
    prepares: [STREAMS.dispatch],
    answers: [nodeRpcPattern('join'), nodeRpcPattern('leave'), nodeRpcPattern('rotate')],
    tells: [allHeldLeasesSubject],
    hears: [allHeartbeatsSubject],
    leads: ['node-registry'],
  },
  storage: {
    ...none,
    appends: ['bucket', 'log-archive', 'meter'],
    asks: [RPC.leaseStatus],
    answers: ['fx.rpc.storage.*'],
    leads: ['log-archive'],
    restores: [allRestoreSubject, leaveSubject],
  },
  billing: {
    ...none,
    appends: ['pricing', 'spending'],
    asks: [RPC.liveProgress, RPC.leftMessages],
  },
  snapshot: {
    ...none,
    appends: ['snapshot'],
    sends: [allDispatchSubject],
    takes: [{ stream: STREAMS.reports, durable: 'snapshot', filter: allSnapshotReportsSubject }],
    asks: [RPC.placements, RPC.ensureBuckets, RPC.taskRow, RPC.planSnapshots, RPC.leftMessages],
    answers: [nodeRpcPattern('snapshot-grant'), nodeRpcPattern('state-saved'), 'fx.rpc.snapshot.*'],
  },
};

const merged = <T>(pick: (rights: ServiceRights) => readonly T[], among: readonly ServiceRights[]): readonly T[] => [
  ...new Set(among.flatMap(pick)),
];

/** What one process that runs several services may do: together, no more. */
export const unionOfRights = (services: readonly ControlService[]): ServiceRights => {
  const among = services.map((service) => SERVICE_RIGHTS[service]);
  return {
    appends: merged(({ appends }) => appends, among),
    sends: merged(({ sends }) => sends, among),
    follows: merged(({ follows }) => follows, among),
    purges: merged(({ purges }) => purges, among),
    takes: merged(({ takes }) => takes, among),
    prepares: merged(({ prepares }) => prepares, among),
    asks: merged(({ asks }) => asks, among),
    tells: merged(({ tells }) => tells, among),
    answers: merged(({ answers }) => answers, among),
    hears: merged(({ hears }) => hears, among),
    leads: merged(({ leads }) => leads, among),
    restores: merged(({ restores }) => restores, among),
  };
};

/** All commits of an aggregate. */
export const aggregateSubjects = (aggregate: Aggregate): string => `${eventSubject(aggregate, '')}*`;

/** The key-value bucket of elections. */
export const LEADER_BUCKET = 'FX_LEADER';
