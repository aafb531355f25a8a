import { calm, clockStep, inTurn, kill, pause, powerCut, shuffled, together } from '../nemesis/fault.js';
import { descriptors, history, idle, memory, projections, readiness } from '../oracles/oracles.js';
import { payloads } from '../oracles/payloads.js';
import { DAMAGE_SCENARIOS } from './damage-scenarios.js';
import type { Scenario } from './scenario.js';

/** After this long without a word a node is lost; short, so that pauses beyond it are short as well. */
const GRACE_MS = 4_000;
const TWO_NODES = {
  FORNAX_NODES: '2',
  FORNAX_NODE_CORES: '2',
  FORNAX_NODE_GRACE_MS: String(GRACE_MS),
  FORNAX_HEARTBEAT_MS: '400',
};
/** Shorter than the two thirds of the grace period after which a node gives its instances up. */
const SHORT_MS = [500, 1_500] as const;
const LONG_MS = [2 * GRACE_MS, 3 * GRACE_MS] as const;
const SERVERS = ['nats', 'postgres', 'platform'] as const;
const NODES = ['node-1', 'node-2'] as const;
/** Longer than a leader's term (4 s by default): the other one takes over, and then the first one wakes up. */
const TERM_MS = [5_000, 8_000] as const;
const SERVICES = ['scheduler', 'submission', 'node-registry', 'billing', 'storage'] as const;
const HOUR_MS = 3_600_000;
const RESULT_BYTES = 30_000_000;
const ALL = [readiness, history, projections, descriptors, idle, memory];

/** Each is data: what goes wrong, under which load, and what must hold afterwards. */
export const SCENARIOS: readonly Scenario[] = [
  {
    key: 'pauses',
    name: 'short pauses of everything, with aborts under load',
    isShort: true,
    env: TWO_NODES,
    faults: [...SERVERS, ...NODES].flatMap((part) => [pause(part, SHORT_MS), calm([50, 300])]),
    load: { tasks: 12, instances: [1, 3], lastsMs: [300, 1_200], everyMs: [100, 500], abortedPart: 0.3 },
    oracles: ALL,
  },
  {
    key: 'fence',
    name: 'an agent that stands still for longer than the grace period',
    isShort: true,
    env: TWO_NODES,
    faults: [pause('node-1', LONG_MS)],
    // Three on four cores: some run on the node that stands still, and the other one has room for them.
    load: { tasks: 1, instances: [3, 3], lastsMs: [14_000, 16_000], everyMs: [50, 100] },
    oracles: [history, descriptors],
  },
  {
    key: 'servers',
    name: 'pauses of servers beyond the grace period',
    isShort: false,
    env: TWO_NODES,
    faults: [
      ...SERVERS.flatMap((part) => [pause(part, LONG_MS), calm([500, 2_000])]),
      // A virtual machine that is paused, with all but the nodes on it.
      together(...SERVERS.map((part) => pause(part, LONG_MS))),
      // One that sleeps with everything on it.
      together(...[...SERVERS, ...NODES].map((part) => pause(part, LONG_MS))),
    ],
    load: { tasks: 20, instances: [1, 3], lastsMs: [500, 6_000], everyMs: [500, 3_000], abortedPart: 0.2 },
    oracles: ALL,
  },
  {
    key: 'clocks',
    name: 'clocks that jump by an hour and more, forth and back',
    isShort: false,
    env: TWO_NODES,
    hasClocks: true,
    faults: [
      clockStep('platform', HOUR_MS, SHORT_MS),
      clockStep('platform', -HOUR_MS, SHORT_MS),
      clockStep('node-1', 26 * HOUR_MS, SHORT_MS),
      clockStep('node-2', -HOUR_MS, SHORT_MS),
      together(clockStep('platform', HOUR_MS, SHORT_MS), clockStep('node-1', HOUR_MS, SHORT_MS)),
    ],
    load: { tasks: 10, instances: [1, 3], lastsMs: [500, 3_000], everyMs: [200, 1_000], abortedPart: 0.2 },
    oracles: ALL,
  },
  {
    key: 'server-clocks',
    name: 'clocks of servers, and of the whole machine, that jump by hours',
    isShort: false,
    env: TWO_NODES,
    hasClocks: true,
    hasServerClocks: true,
    faults: [
      clockStep('nats', HOUR_MS, SHORT_MS),
      clockStep('nats', -26 * HOUR_MS, SHORT_MS),
      clockStep('postgres', 26 * HOUR_MS, SHORT_MS),
      clockStep('postgres', -HOUR_MS, SHORT_MS),
      // Longer than streams of work keep what they hold.
      together(...[...SERVERS, ...NODES].map((part) => clockStep(part, 26 * HOUR_MS, [3_000, 4_000]))),
      together(...[...SERVERS, ...NODES].map((part) => clockStep(part, -HOUR_MS, [3_000, 4_000]))),
    ],
    load: { tasks: 14, instances: [1, 3], lastsMs: [500, 3_000], everyMs: [200, 1_500], abortedPart: 0.2 },
    oracles: ALL,
  },
  {
    key: 'payload',
    name: 'results of 30 MB and output, while what carries them stands still or dies',
    isShort: false,
    env: TWO_NODES,
    faults: [
      pause('platform', SHORT_MS),
      calm([100, 500]),
      pause('nats', SHORT_MS),
      calm([100, 500]),
      kill('platform'),
      calm([2_000, 4_000]),
      pause('postgres', SHORT_MS),
      kill('node-2'),
    ],
    load: {
      tasks: 4,
      instances: [1, 2],
      lastsMs: [1_000, 3_000],
      everyMs: [200, 800],
      bucket: 'fault-payload',
      resultBytes: RESULT_BYTES,
    },
    oracles: [readiness, history, payloads, projections, descriptors, idle, memory],
  },
  {
    key: 'leaders',
    name: 'two processes of each service, and the first one stands still for longer than a term',
    isShort: false,
    env: { ...TWO_NODES, FORNAX_SERVICES: '1' },
    twice: SERVICES,
    faults: SERVICES.flatMap((part) => [pause(part, TERM_MS), calm([300, 1_500])]),
    load: { tasks: 16, instances: [1, 3], lastsMs: [500, 4_000], everyMs: [500, 3_000], abortedPart: 0.2 },
    oracles: ALL,
  },
  {
    key: 'mixed',
    name: 'kills and pauses of everything, alone and in pairs',
    isShort: false,
    env: TWO_NODES,
    faults: [
      shuffled(
        [
          ...[...SERVERS, ...NODES].flatMap((part) => [kill(part), pause(part, SHORT_MS)]),
          together(kill('nats'), kill('postgres')),
          together(pause('nats', SHORT_MS), kill('platform')),
          together(kill('node-1'), pause('postgres', SHORT_MS)),
          inTurn(pause('platform', SHORT_MS), kill('node-2')),
          powerCut,
        ],
        8,
        [200, 2_000],
      ),
    ],
    load: { tasks: 25, instances: [1, 4], lastsMs: [200, 3_000], everyMs: [200, 1_500], abortedPart: 0.2 },
    oracles: ALL,
  },
  {
    key: 'ahead',
    name: 'many short instances, whose nodes hold more leases than they have room for, while nodes die and stand still',
    isShort: false,
    env: TWO_NODES,
    hasClocks: true,
    faults: [
      kill('node-1'),
      calm([500, 1_500]),
      pause('node-1', LONG_MS),
      calm([300, 1_000]),
      kill('platform'),
      calm([1_000, 2_000]),
      clockStep('node-2', 26 * HOUR_MS, SHORT_MS),
      clockStep('platform', -HOUR_MS, SHORT_MS),
      together(kill('node-2'), pause('node-1', LONG_MS)),
      calm([300, 1_000]),
      powerCut,
    ],
    load: { tasks: 20, instances: [4, 12], lastsMs: [5, 60], everyMs: [200, 1_000], abortedPart: 0.1 },
    oracles: [readiness, history, projections],
  },
  ...DAMAGE_SCENARIOS,
];
