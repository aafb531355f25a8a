import type { Board } from './board.js';
import { gauge, prometheusName, quantile, rate, rateOf, same, within } from './names.js';

const HTTP = 'http.server.request.duration';
const QUEUED = 'fornax.instance.queue.duration';
const START = 'fornax.instance.start.duration';

const quantiles = (name: Parameters<typeof quantile>[1]) =>
  [0.5, 0.95, 0.99].map((part) => ({ expr: quantile(part, name), legend: `p${part * 100}` }));

const failedRequests = `sum (rate(${prometheusName(HTTP)}_count{http_response_status_code=~"5.."}[5m])) or vector(0)`;
const projects = same('fornax.projection.lag', 'projection');

const platform: Board = {
  uid: 'fornax-platform',
  title: 'Fornax: platform',
  says: 'Whether the platform takes commands, keeps up with its log, and has room.',
  rows: [
    {
      title: 'Commands',
      panels: [
        {
          title: 'Commands are refused because of',
          says: 'Empty is good.',
          unit: 'short',
          lines: [{ expr: same('fornax.write.stops', 'reason'), legend: '{{reason}}' }],
        },
        {
          title: 'Requests',
          says: 'HTTP requests a second, by status.',
          unit: 'reqps',
          lines: [{ expr: rateOf(HTTP, 'http_response_status_code'), legend: '{{http_response_status_code}}' }],
        },
        { title: 'Duration of requests', says: 'Of all HTTP requests.', unit: 's', lines: quantiles(HTTP) },
      ],
    },
    {
      title: 'The log and its readers',
      panels: [
        {
          title: 'Commits that projections have not applied',
          says: 'Near 0 is good; one that only grows stands.',
          unit: 'short',
          lines: [{ expr: projects, legend: '{{projection}}' }],
        },
        {
          title: 'Size of the log',
          says: 'On its disk.',
          unit: 'bytes',
          lines: [{ expr: same('fornax.log.size'), legend: 'log' }],
        },
        {
          title: 'Commits',
          says: 'How fast the log grows.',
          unit: 'ops',
          lines: [{ expr: `max (deriv(${prometheusName('fornax.log.commits')}[5m]))`, legend: 'a second' }],
        },
        {
          title: 'Put aside',
          says: 'What waits for an operator: fornax log quarantine list.',
          unit: 'short',
          lines: [
            { expr: same('fornax.quarantine.entries', 'kind'), legend: '{{kind}}' },
            { expr: `max (${prometheusName('fornax.quarantine.overflow')})`, legend: 'found no room' },
          ],
        },
        {
          title: 'Output behind',
          says: 'Messages with output that are not readable yet.',
          unit: 'short',
          lines: [{ expr: same('fornax.output.behind'), legend: 'messages' }],
        },
        {
          title: 'Dropped by intakes',
          says: 'By reason; honest nodes cause little of it.',
          unit: 'ops',
          lines: [{ expr: rate('fornax.intake.dropped', 'intake', 'reason'), legend: '{{intake}}: {{reason}}' }],
        },
      ],
    },
    {
      title: 'Around it',
      panels: [
        {
          title: 'Free room on disks',
          says: 'The smallest that a service writes to. Commands stop at FORNAX_DISK_LOW_BYTES.',
          unit: 'bytes',
          lines: [{ expr: `min (${prometheusName('fornax.disk.free')})`, legend: 'free' }],
        },
        {
          title: 'Webhooks',
          says: 'Parked ones deliver nothing until their owner begins them again.',
          unit: 'short',
          lines: [{ expr: same('fornax.webhooks', 'state'), legend: '{{state}}' }],
        },
        {
          title: 'Processes that answer',
          says: '1 each.',
          unit: 'short',
          lines: [{ expr: 'up', legend: '{{job}} {{instance}}' }],
        },
      ],
    },
  ],
};

const scheduling: Board = {
  uid: 'fornax-scheduling',
  title: 'Fornax: scheduling',
  says: 'What waits and why, how fast instances start, and how they end.',
  rows: [
    {
      title: 'Waiting',
      panels: [
        {
          title: 'Instances that wait, by reason',
          says: 'placing: they are next.',
          unit: 'short',
          lines: [{ expr: gauge('fornax.queue.instances', 'reason'), legend: '{{reason}}' }],
        },
        {
          title: 'Instances that wait, by plan',
          says: '',
          unit: 'short',
          lines: [{ expr: gauge('fornax.queue.instances', 'plan'), legend: '{{plan}}' }],
        },
        {
          title: 'Longest wait',
          says: 'Of the task that waits longest.',
          unit: 's',
          lines: [{ expr: same('fornax.queue.wait.oldest', 'plan'), legend: '{{plan}}' }],
        },
        {
          title: 'Time in the queue',
          says: 'From waiting to the order to a node.',
          unit: 's',
          lines: quantiles(QUEUED),
        },
        {
          title: 'Time to start',
          says: 'From the order to the start of the command, with its inputs.',
          unit: 's',
          lines: quantiles(START),
        },
        {
          title: 'Duration of a round',
          says: 'Planning takes at most half of the time.',
          unit: 's',
          lines: quantiles('fornax.scheduler.round.duration'),
        },
      ],
    },
    {
      title: 'Running and ended',
      panels: [
        {
          title: 'Instances on nodes',
          says: '',
          unit: 'short',
          lines: [{ expr: gauge('fornax.leases.held', 'phase'), legend: '{{phase}}' }],
        },
        {
          title: 'Starts',
          says: 'Instances a second.',
          unit: 'ops',
          lines: [
            { expr: rateOf(START), legend: 'started' },
            { expr: rate('fornax.scheduler.placements'), legend: 'placed' },
          ],
        },
        {
          title: 'Unfinished tasks',
          says: '',
          unit: 'short',
          lines: [{ expr: gauge('fornax.tasks.unfinished'), legend: 'tasks' }],
        },
        {
          title: 'Tasks submitted and ended',
          says: 'A second.',
          unit: 'ops',
          lines: [
            { expr: rate('fornax.tasks.submitted'), legend: 'submitted' },
            { expr: rate('fornax.tasks.ended', 'outcome'), legend: '{{outcome}}' },
          ],
        },
        {
          title: 'Ends of attempts',
          says: 'A second, by cause.',
          unit: 'ops',
          lines: [{ expr: rate('fornax.attempts.ended', 'outcome', 'cause'), legend: '{{outcome}} {{cause}}' }],
        },
        {
          title: 'Tried again',
          says: 'A second, by cause: user is a retry that the task asked for.',
          unit: 'ops',
          lines: [{ expr: rate('fornax.attempts.requeued', 'cause'), legend: '{{cause}}' }],
        },
      ],
    },
  ],
};

const nodes: Board = {
  uid: 'fornax-nodes',
  title: 'Fornax: nodes',
  says: 'The fleet: what is there, what is used, what nodes say of themselves.',
  rows: [
    {
      title: 'The fleet',
      panels: [
        {
          title: 'Nodes',
          says: '',
          unit: 'short',
          lines: [{ expr: gauge('fornax.nodes', 'status'), legend: '{{status}}' }],
        },
        {
          title: 'Cores',
          says: 'Of the nodes that take work.',
          unit: 'short',
          lines: [{ expr: gauge('fornax.fleet.cores', 'use'), legend: '{{use}}' }],
        },
        {
          title: 'Memory',
          says: 'Of the nodes that take work.',
          unit: 'bytes',
          lines: [{ expr: gauge('fornax.fleet.memory', 'use'), legend: '{{use}}' }],
        },
        {
          title: 'Slots of pools',
          says: '',
          unit: 'short',
          lines: [{ expr: gauge('fornax.pool.slots', 'use'), legend: '{{use}}' }],
        },
        {
          title: 'Connections of nodes',
          says: 'Refused ones show a wrong key, or somebody who tries.',
          unit: 'ops',
          lines: [{ expr: rate('fornax.node.connects', 'outcome'), legend: '{{outcome}}' }],
        },
      ],
    },
    {
      title: 'What nodes tell (FORNAX_NODE_HTTP_PORT)',
      panels: [
        {
          title: 'Leases',
          says: '',
          unit: 'short',
          lines: [{ expr: `sum by (instance) (${prometheusName('fornax.leases')})`, legend: '{{instance}}' }],
        },
        {
          title: 'Instances that ended',
          says: 'A second.',
          unit: 'ops',
          lines: [{ expr: rate('fornax.instances', 'outcome'), legend: '{{outcome}}' }],
        },
        {
          title: 'Bytes of inputs',
          says: 'From the cache of the node, or from the storage.',
          unit: 'Bps',
          lines: [{ expr: rate('fornax.inputs.size', 'from'), legend: '{{from}}' }],
        },
        {
          title: 'Objects of inputs',
          says: '',
          unit: 'ops',
          lines: [{ expr: rate('fornax.inputs', 'from'), legend: '{{from}}' }],
        },
        {
          title: 'Cache of inputs',
          says: '',
          unit: 'bytes',
          lines: [
            { expr: `sum by (instance) (${prometheusName('fornax.inputs.cache.size')})`, legend: '{{instance}}' },
          ],
        },
        {
          title: 'Orders not followed',
          says: '',
          unit: 'ops',
          lines: [
            { expr: rate('fornax.orders.ignored'), legend: 'of a scheduler that was replaced' },
            { expr: rate('fornax.orders.unreadable'), legend: 'unreadable' },
          ],
        },
      ],
    },
  ],
};

const storage: Board = {
  uid: 'fornax-storage',
  title: 'Fornax: storage and snapshots',
  says: 'The S3 door, and what is saved of running work.',
  rows: [
    {
      title: 'The S3 door',
      panels: [
        {
          title: 'Requests',
          says: 'A second, by operation.',
          unit: 'reqps',
          lines: [{ expr: rateOf('fornax.s3.duration', 'operation'), legend: '{{operation}}' }],
        },
        {
          title: 'Duration',
          says: 'p99 by operation; it holds the time of the body.',
          unit: 's',
          lines: [{ expr: quantile(0.99, 'fornax.s3.duration', 'operation'), legend: '{{operation}}' }],
        },
        {
          title: 'Bytes of objects',
          says: 'A second.',
          unit: 'Bps',
          lines: [{ expr: rate('fornax.s3.io', 'direction'), legend: '{{direction}}' }],
        },
        {
          title: 'Free room',
          says: '',
          unit: 'bytes',
          lines: [{ expr: `min (${prometheusName('fornax.disk.free')})`, legend: 'free' }],
        },
      ],
    },
    {
      title: 'Snapshots',
      panels: [
        {
          title: 'Snapshots',
          says: 'A second.',
          unit: 'ops',
          lines: [{ expr: rate('fornax.snapshots.ended', 'outcome'), legend: '{{outcome}}' }],
        },
        {
          title: 'Periodic ones not taken',
          says: 'They were due and could not be.',
          unit: 'ops',
          lines: [{ expr: rate('fornax.snapshots.not_taken'), legend: 'not taken' }],
        },
      ],
    },
  ],
};

const billing: Board = {
  uid: 'fornax-billing',
  title: 'Fornax: billing',
  says: 'How fast money is spent, and whether the ledger is whole.',
  rows: [
    {
      title: 'Spending',
      panels: [
        {
          title: 'Spend rate',
          says: 'Euros an hour over the last hour.',
          unit: 'currencyEUR',
          lines: [{ expr: `max (delta(${prometheusName('fornax.billing.billed')}[1h]))`, legend: 'an hour' }],
        },
        {
          title: 'Billed',
          says: 'Since the beginning of the ledger.',
          unit: 'currencyEUR',
          isNumber: true,
          lines: [{ expr: same('fornax.billing.billed'), legend: 'all' }],
        },
      ],
    },
    {
      title: 'The ledger',
      panels: [
        {
          title: 'Attempts without a price',
          says: 'They are rated once the price list is mended.',
          unit: 'short',
          lines: [{ expr: same('fornax.billing.unrated'), legend: 'unrated' }],
        },
        {
          title: 'Findings of the audit',
          says: '0 is good; nothing before the first audit.',
          unit: 'short',
          isNumber: true,
          lines: [{ expr: same('fornax.billing.findings'), legend: 'findings' }],
        },
        {
          title: 'Bookings that failed',
          says: 'Ratings whose difference could not be booked: fornax billing audit.',
          unit: 'ops',
          lines: [{ expr: rate('fornax.billing.bookings.failed'), legend: 'failed' }],
        },
        {
          title: 'Behind the log',
          says: 'Commits.',
          unit: 'short',
          lines: [
            {
              expr: `max by (projection) (${prometheusName('fornax.projection.lag')}{projection=~"ledger|running|spending"})`,
              legend: '{{projection}}',
            },
          ],
        },
      ],
    },
  ],
};

/** What the platform promises, as parts of one. */
const SLOS = {
  answers: `1 - (${failedRequests}) / sum (rate(${prometheusName(HTTP)}_count[5m]))`,
  fastAnswers: within('0.25', HTTP, '5m'),
  fastStarts: within('1', START, '5m'),
  ownFailures: `(sum (rate(${prometheusName('fornax.attempts.requeued')}{cause=~"platform|node-lost"}[1h])) or vector(0)) + (sum (rate(${prometheusName('fornax.attempts.ended')}{cause=~"platform|node-lost"}[1h])) or vector(0))`,
} as const;

const slos: Board = {
  uid: 'fornax-slos',
  title: 'Fornax: what it promises',
  says: 'Answers, starts, and failures that are the platform’s own.',
  rows: [
    {
      title: 'Parts of all',
      panels: [
        {
          title: 'Requests that were not answered 5xx',
          says: 'Aim: 99.9 %.',
          unit: 'percentunit',
          lines: [{ expr: SLOS.answers, legend: 'answered' }],
        },
        {
          title: 'Requests answered within 250 ms',
          says: 'Aim: 99 %.',
          unit: 'percentunit',
          lines: [{ expr: SLOS.fastAnswers, legend: 'within 250 ms' }],
        },
        {
          title: 'Instances started within 1 s of their order',
          says: 'Aim: 99 % of those without large inputs.',
          unit: 'percentunit',
          lines: [{ expr: SLOS.fastStarts, legend: 'within 1 s' }],
        },
        {
          title: 'Attempts that the platform lost',
          says: 'A second, over an hour. Aim: 0.',
          unit: 'ops',
          lines: [{ expr: SLOS.ownFailures, legend: 'platform or node-lost' }],
        },
      ],
    },
  ],
};

/** Every board, in the order of a person on call. */
export const boards: readonly Board[] = [platform, scheduling, nodes, storage, billing, slos];
