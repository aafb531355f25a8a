/** What a label of a metric says. Its values come from a list that the code holds, so that their number is bounded: never an id or a name. */
export type Labels = Readonly<Record<string, string>>;

export interface InstrumentFacts {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** UCUM, as OpenTelemetry's conventions ask for: `s`, `By`, or what is counted in braces. */
  readonly unit: string;
  readonly description: string;
  /** The process that tells it. */
  readonly from: string;
  readonly labels: Labels;
}

const plan = 'the plan: `flex`, `onDemand`, `reserved`';
const outcome = '`success`, `failure`, `cancelled`';
const cause = 'why it failed or was taken back: `user`, `platform`, `node-lost`, `preempted`, `limit`, or `none`';
const use = '`used` or `free`';
const none = {} as const;

/** Every metric of Fornax, by its name. What is not in here cannot be made; the reference in the documentation is made from it. */
export const INSTRUMENTS = {
  'http.server.request.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Duration of HTTP server requests',
    from: 'each service and the router',
    labels: {
      'http.request.method': 'the method, or `_OTHER`',
      'http.route': 'the route as it is declared; absent at the router',
      'http.response.status_code': 'the status',
      'fornax.service': 'at the router: which service answered',
    },
  },
  'fornax.s3.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Duration of S3 requests',
    from: 'storage',
    labels: { operation: 'the operation of S3' },
  },
  'fornax.s3.io': {
    kind: 'counter',
    unit: 'By',
    description: 'Bytes of objects through the S3 door',
    from: 'storage',
    labels: { direction: '`in` or `out`' },
  },
  'fornax.projection.lag': {
    kind: 'gauge',
    unit: '{commit}',
    description: 'Commits of the log that a projection has not applied yet',
    from: 'each service',
    labels: { projection: 'the name of the projection' },
  },
  'fornax.quarantine.entries': {
    kind: 'gauge',
    unit: '{entry}',
    description: 'Messages and folds that are put aside and wait for an operator',
    from: 'each service',
    labels: { kind: '`unreadable` or `stopped`' },
  },
  'fornax.quarantine.overflow': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages that were left out and found no room in the quarantine',
    from: 'each service',
    labels: none,
  },
  'fornax.write.stops': {
    kind: 'gauge',
    unit: '{reason}',
    description: 'Reasons for which commands are refused now, 1 each',
    from: 'each service',
    labels: { reason: 'such as `disk` or `log-damage`' },
  },
  'fornax.disk.free': {
    kind: 'gauge',
    unit: 'By',
    description: 'Free room on the disks of the platform, the smallest of those a process writes to',
    from: 'each service that watches disks',
    labels: none,
  },
  'fornax.log.commits': {
    kind: 'gauge',
    unit: '{commit}',
    description: 'Commits in the event log',
    from: 'each service',
    labels: none,
  },
  'fornax.log.size': {
    kind: 'gauge',
    unit: 'By',
    description: 'Size of the event log on its disk',
    from: 'each service',
    labels: none,
  },
  'fornax.logs.unsent': {
    kind: 'counter',
    unit: '{line}',
    description: 'Log lines that did not reach the collector; they are where the process writes them all the same',
    from: 'each process that has a collector',
    labels: none,
  },
  'fornax.intake.dropped': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages, or parts of them, that an intake did not take in',
    from: 'each service',
    labels: { intake: 'which intake', reason: 'why' },
  },
  'fornax.scheduler.round.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Time to plan one round',
    from: 'scheduler (the leader)',
    labels: none,
  },
  'fornax.scheduler.placements': {
    kind: 'counter',
    unit: '{instance}',
    description: 'Instances that rounds have placed',
    from: 'scheduler (the leader)',
    labels: none,
  },
  'fornax.queue.instances': {
    kind: 'gauge',
    unit: '{instance}',
    description: 'Instances that wait',
    from: 'scheduler (the leader)',
    labels: { plan, reason: 'why they wait, as in the waiting reason of a task; `placing`: they are next' },
  },
  'fornax.queue.wait.oldest': {
    kind: 'gauge',
    unit: 's',
    description:
      'For how long the task has waited that waits longest for the fleet, and not for other tasks, a quota, credits or a budget',
    from: 'scheduler (the leader)',
    labels: { plan },
  },
  'fornax.tasks.unfinished': {
    kind: 'gauge',
    unit: '{task}',
    description: 'Tasks that have not ended',
    from: 'scheduler (the leader)',
    labels: none,
  },
  'fornax.leases.held': {
    kind: 'gauge',
    unit: '{lease}',
    description: 'Instances that are on nodes',
    from: 'scheduler (the leader)',
    labels: { phase: '`dispatched`, `executing` or `uploading`' },
  },
  'fornax.pool.slots': {
    kind: 'gauge',
    unit: '{slot}',
    description: 'Slots of pools',
    from: 'scheduler (the leader)',
    labels: { use },
  },
  'fornax.nodes': {
    kind: 'gauge',
    unit: '{node}',
    description: 'Nodes that are known',
    from: 'scheduler (the leader)',
    labels: { status: '`online`, `draining`, `lost` or `retired`' },
  },
  'fornax.fleet.cores': {
    kind: 'gauge',
    unit: '{core}',
    description: 'Cores of the nodes that take work',
    from: 'scheduler (the leader)',
    labels: { use },
  },
  'fornax.fleet.memory': {
    kind: 'gauge',
    unit: 'By',
    description: 'Memory of the nodes that take work',
    from: 'scheduler (the leader)',
    labels: { use },
  },
  'fornax.tasks.submitted': {
    kind: 'counter',
    unit: '{task}',
    description: 'Tasks that were submitted',
    from: 'scheduler (the leader)',
    labels: { plan },
  },
  'fornax.tasks.ended': {
    kind: 'counter',
    unit: '{task}',
    description: 'Tasks that have ended',
    from: 'scheduler (the leader)',
    labels: { plan, outcome },
  },
  'fornax.attempts.ended': {
    kind: 'counter',
    unit: '{attempt}',
    description: 'Attempts of instances that have ended, and their instances with them',
    from: 'scheduler (the leader)',
    labels: { outcome, cause },
  },
  'fornax.attempts.requeued': {
    kind: 'counter',
    unit: '{attempt}',
    description: 'Attempts after which the instance waits again; cause `user` is a retry that the task asked for',
    from: 'scheduler (the leader)',
    labels: { cause },
  },
  'fornax.instance.queue.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'From when instances of a task wait to the order to a node',
    from: 'scheduler (the leader)',
    labels: { plan },
  },
  'fornax.instance.start.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'From the order to a node to the start of the command, with its inputs',
    from: 'scheduler (the leader)',
    labels: { plan },
  },
  'fornax.snapshots.ended': {
    kind: 'counter',
    unit: '{snapshot}',
    description: 'Snapshots that have ended',
    from: 'snapshot',
    labels: { outcome: '`completed` or `failed`' },
  },
  'fornax.snapshots.not_taken': {
    kind: 'counter',
    unit: '{snapshot}',
    description: 'Periodic snapshots that were due and could not be taken then',
    from: 'snapshot',
    labels: { reason: '`unanswered` or `refused`' },
  },
  'fornax.output.behind': {
    kind: 'gauge',
    unit: '{message}',
    description: 'Messages with output of instances that are not in the rows yet',
    from: 'submission',
    labels: none,
  },
  'fornax.ways.forwards': {
    kind: 'gauge',
    unit: '{forward}',
    description: 'Ports of instances that are forwarded now',
    from: 'submission',
    labels: none,
  },
  'fornax.ways.open': {
    kind: 'gauge',
    unit: '{connection}',
    description: 'Connections into instances that are open now',
    from: 'submission',
    labels: none,
  },
  'fornax.ways.connections': {
    kind: 'counter',
    unit: '{connection}',
    description: 'Connections to forwarded ports',
    from: 'submission',
    labels: {
      outcome:
        '`carried`, `refused` (its address is not allowed), `full`, `gone` (nothing listened), `late` (the node did not come)',
    },
  },
  'fornax.ways.io': {
    kind: 'counter',
    unit: 'By',
    description: 'Bytes of connections into instances',
    from: 'submission',
    labels: { direction: '`in` or `out`' },
  },
  'fornax.webhooks': {
    kind: 'gauge',
    unit: '{webhook}',
    description: 'Webhooks by state; parked ones deliver nothing until their owner begins them again',
    from: 'submission',
    labels: { state: '`active`, `failing` or `parked`' },
  },
  'fornax.billing.billed': {
    kind: 'gauge',
    unit: '{EUR}',
    description:
      'All that the ledger has billed, in euros: for boards, where its change is the spend rate, never for a bill',
    from: 'billing',
    labels: none,
  },
  'fornax.billing.findings': {
    kind: 'gauge',
    unit: '{finding}',
    description: 'What the last audit of the ledger has found; nothing before the first',
    from: 'billing',
    labels: none,
  },
  'fornax.billing.bookings.failed': {
    kind: 'counter',
    unit: '{rating}',
    description: 'Ratings whose difference could not be booked',
    from: 'billing',
    labels: none,
  },
  'fornax.billing.unrated': {
    kind: 'gauge',
    unit: '{attempt}',
    description: 'Attempts that have no price yet',
    from: 'billing',
    labels: none,
  },
  'fornax.node.connects': {
    kind: 'counter',
    unit: '{connection}',
    description: 'Connections of nodes that the platform was asked about',
    from: 'node-registry',
    labels: { outcome: '`admitted` or `refused`' },
  },
  'fornax.instances': {
    kind: 'counter',
    unit: '{instance}',
    description: 'Instances that ended on this node',
    from: 'node agent',
    labels: { outcome },
  },
  'fornax.leases': {
    kind: 'gauge',
    unit: '{lease}',
    description: 'Leases on this node',
    from: 'node agent',
    labels: none,
  },
  'fornax.images': {
    kind: 'counter',
    unit: '{image}',
    description: 'Images that instances were given, by where they came from',
    from: 'node agent',
    labels: { from: 'where it came from: `registry`, or `node` where it was there' },
  },
  'fornax.images.layers.size': {
    kind: 'counter',
    unit: 'By',
    description: 'Bytes of compressed layers of images, by where they came from',
    from: 'node agent',
    labels: { from: 'where they came from: `registry`, or `node` where another image had brought them' },
  },
  'fornax.images.failures': {
    kind: 'counter',
    unit: '{failure}',
    description: 'Images that an instance wanted and did not get',
    from: 'node agent',
    labels: { cause: 'whose fault it was: `user` or `platform`' },
  },
  'fornax.images.kept.size': {
    kind: 'gauge',
    unit: 'By',
    description: 'Bytes of images and their layers that are kept here',
    from: 'node agent',
    labels: none,
  },
  'fornax.inputs': {
    kind: 'counter',
    unit: '{object}',
    description: 'Objects of inputs, by where they came from',
    from: 'node agent',
    labels: { from: 'where they came from: the cache or the storage' },
  },
  'fornax.inputs.size': {
    kind: 'counter',
    unit: 'By',
    description: 'Bytes of inputs, by where they came from',
    from: 'node agent',
    labels: { from: 'where they came from: the cache or the storage' },
  },
  'fornax.inputs.cache.size': {
    kind: 'gauge',
    unit: 'By',
    description: 'Bytes of inputs that are kept here',
    from: 'node agent',
    labels: none,
  },
  'fornax.orders.ignored': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages of orders from a scheduler that was replaced',
    from: 'node agent',
    labels: none,
  },
  'fornax.orders.unreadable': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages that came as orders and are none',
    from: 'node agent',
    labels: none,
  },
} as const satisfies Record<string, InstrumentFacts>;

type Catalogue = typeof INSTRUMENTS;
/** The names of the metrics of one kind. */
export type NameOf<Kind extends InstrumentFacts['kind']> = {
  [Name in keyof Catalogue]: Catalogue[Name]['kind'] extends Kind ? Name : never;
}[keyof Catalogue];
/** The labels of a metric, as the catalogue has them: no other can be told. */
export type LabelsOf<Name extends keyof Catalogue> = Readonly<
  Partial<Record<keyof Catalogue[Name]['labels'], string | number>>
>;
