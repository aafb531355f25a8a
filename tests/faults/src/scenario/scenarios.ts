import { calm, inTurn, kill, pause, powerCut, shuffled, together } from '../nemesis/fault.js';
import { descriptors, history, idle, memory, projections, readiness } from '../oracles/oracles.js';
import type { Scenario } from './scenario.js';

/** After this long without a word a node is lost; short, so that pauses beyond it are short as well. */
const GRACE_MS = 4_000;
const TWO_NODES = { FORNAX_NODES: '2', FORNAX_NODE_GRACE_MS: String(GRACE_MS), FORNAX_HEARTBEAT_MS: '400' };
/** Shorter than the two thirds of the grace period after which a node gives its instances up. */
const SHORT_MS = [500, 1_500] as const;
const LONG_MS = [2 * GRACE_MS, 3 * GRACE_MS] as const;
const SERVERS = ['nats', 'postgres', 'platform'] as const;
const NODES = ['node-1', 'node-2'] as const;
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
    key: 'servers',
    name: 'pauses of servers beyond the grace period',
    isShort: false,
    env: TWO_NODES,
    faults: SERVERS.flatMap((part) => [pause(part, LONG_MS), calm([500, 2_000])]),
    load: { tasks: 12, instances: [1, 3], lastsMs: [500, 6_000], everyMs: [500, 3_000], abortedPart: 0.2 },
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
];
