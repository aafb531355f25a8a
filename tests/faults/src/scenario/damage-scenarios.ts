import { acceptTheLog, damage, dropTheDamage, rebuildFromTheLog, steps } from '../nemesis/damage.js';
import { fullDisk } from '../nemesis/disk.js';
import { calm, kill, powerCut } from '../nemesis/fault.js';
import { acceptTheLogThoughKilled, interrupted } from '../nemesis/interrupted.js';
import { deleteChangedObject, forgetDamagedObjects, mustNotBeRead } from '../nemesis/object-ways-out.js';
import { cutOff, damageAnObject, flipABit, RESULT_BYTES, untilStored } from '../nemesis/stored-objects.js';
import { flipABitOfRows } from '../nemesis/rows.js';
import { backUp, cutOffTheLog, flipABitOfTheLog, putBack } from '../nemesis/stores.js';
import { descriptors, history, idle, memory, projections, readiness } from '../oracles/oracles.js';
import { payloads } from '../oracles/payloads.js';
import { RELEASES, RELEASE_SETTINGS } from '@fornax/testing/releases';
import type { Load, Scenario } from './scenario.js';

const TWO_NODES = {
  FORNAX_NODES: '2',
  FORNAX_NODE_CORES: '2',
  FORNAX_NODE_GRACE_MS: '4000',
  FORNAX_HEARTBEAT_MS: '400',
};
const DISK_BYTES = 400_000_000;
const LOW_BYTES = 40_000_000;
const ALL = [readiness, history, projections, descriptors, idle, memory];
const WITH_RESULTS = [readiness, history, payloads, projections, idle, memory];

const LOAD: Load = { tasks: 12, instances: [1, 3], lastsMs: [200, 2_000], everyMs: [300, 1_200] };
const withResults = (key: string): Load => ({ ...LOAD, bucket: `fault-${key}`, resultBytes: RESULT_BYTES });
/** Some work is done, some is being done. */
const BUSY = calm([3_000, 5_000]);
const WENT_BACK = { says: /The event log went back/, refuses: true, losesLog: true, wayOut: acceptTheLog };
const HAS_GAPS = {
  says: /The event log is damaged/,
  refuses: true,
  losesLog: true,
  wayOut: steps(dropTheDamage, rebuildFromTheLog),
};

/** The stores themselves are damaged under load, and the platform is led out by what docs/how-to/recover.md says. */
export const DAMAGE_SCENARIOS: readonly Scenario[] = [
  {
    key: 'disk',
    name: 'a disk that fills up, nearly and wholly, under load',
    isShort: false,
    env: {
      ...TWO_NODES,
      FORNAX_DISK_LOW_BYTES: String(LOW_BYTES),
      FORNAX_NODE_DISK_LOW_BYTES: String(LOW_BYTES / 4),
    },
    diskBytes: DISK_BYTES,
    faults: [fullDisk(LOW_BYTES - 10_000_000, [2_000, 4_000]), calm([1_000, 3_000]), fullDisk(0, [2_000, 4_000])],
    load: { ...withResults('disk'), tasks: 16 },
    oracles: [...WITH_RESULTS, descriptors],
  },
  {
    key: 'cut',
    name: 'the log is cut off while nothing runs, after an end in order',
    isShort: false,
    env: TWO_NODES,
    loses: true,
    faults: [BUSY, damage({ name: 'cut off', ends: 'in order', change: cutOffTheLog, ...HAS_GAPS })],
    load: LOAD,
    oracles: ALL,
  },
  {
    key: 'cut-crash',
    name: 'the log is cut off by a crash',
    isShort: false,
    env: TWO_NODES,
    loses: true,
    faults: [BUSY, damage({ name: 'cut off', ends: 'power cut', change: cutOffTheLog, ...WENT_BACK })],
    load: LOAD,
    oracles: ALL,
  },
  {
    key: 'flip-crash',
    name: 'one bit of the log is another one after a crash',
    isShort: false,
    env: TWO_NODES,
    loses: true,
    faults: [BUSY, damage({ name: 'a bit', ends: 'power cut', change: flipABitOfTheLog, ...WENT_BACK })],
    load: LOAD,
    oracles: ALL,
  },
  {
    key: 'old-log',
    name: 'an older copy of the log, younger Postgres and objects',
    isShort: false,
    env: TWO_NODES,
    loses: true,
    faults: [
      backUp('nats'),
      BUSY,
      damage({ name: 'older log', ends: 'power cut', change: putBack('nats'), ...WENT_BACK }),
    ],
    load: withResults('old-log'),
    oracles: WITH_RESULTS,
  },
  {
    key: 'old-rows',
    name: 'an older copy of Postgres, younger log and objects',
    isShort: false,
    env: TWO_NODES,
    loses: true,
    faults: [
      backUp('postgres'),
      BUSY,
      damage({
        name: 'older rows',
        ends: 'power cut',
        change: async (target) => void (await putBack('postgres')(target)),
      }),
    ],
    load: withResults('old-rows'),
    oracles: WITH_RESULTS,
  },
  {
    key: 'old-files',
    name: 'an older copy of the objects, younger log and Postgres',
    isShort: false,
    env: TWO_NODES,
    loses: true,
    faults: [
      backUp('objects'),
      BUSY,
      untilStored('fault-old-files'),
      damage({
        name: 'older objects',
        ends: 'power cut',
        change: putBack('objects'),
        // Noticed when the folder had got another mark since the copy was taken, which takes ten seconds at most.
        mayStop: true,
        wayOut: forgetDamagedObjects(),
      }),
    ],
    load: withResults('old-files'),
    oracles: WITH_RESULTS,
  },
  {
    key: 'objects',
    name: 'files of objects are cut off and changed',
    isShort: false,
    env: TWO_NODES,
    loses: true,
    faults: [
      BUSY,
      damageAnObject({
        name: 'a cut object',
        bucket: 'fault-objects',
        ends: 'power cut',
        change: cutOff,
        wayOut: (object) => steps(mustNotBeRead(object), forgetDamagedObjects(`${object.bucket}/${object.key}`)),
      }),
      BUSY,
      damageAnObject({
        name: 'a bit of an object',
        bucket: 'fault-objects',
        ends: 'in order',
        change: flipABit,
        wayOut: (object) => steps(mustNotBeRead(object), deleteChangedObject(object)),
      }),
    ],
    load: withResults('objects'),
    oracles: WITH_RESULTS,
  },
  {
    key: 'rows',
    name: 'one bit of a table of Postgres is another one',
    isShort: false,
    env: TWO_NODES,
    loses: true,
    faults: [BUSY, flipABitOfRows('submission.task', '/tasks/summaries')],
    load: withResults('rows'),
    oracles: WITH_RESULTS,
  },
  {
    key: 'repairs',
    name: 'repairs that are cut off by the death of who does them',
    isShort: false,
    env: TWO_NODES,
    loses: true,
    faults: [
      BUSY,
      // Forced, since earlier rounds may have given up commits of the same log.
      interrupted(['projection', 'rebuild', 'status', '--force'], 'platform'),
      interrupted(['projection', 'rebuild', 'status', '--force'], 'postgres'),
      interrupted(['storage', 'reindex'], 'platform'),
      BUSY,
      damage({
        name: 'cut off',
        ends: 'power cut',
        change: cutOffTheLog,
        ...WENT_BACK,
        wayOut: acceptTheLogThoughKilled('platform'),
      }),
    ],
    load: { ...withResults('repairs'), tasks: 20, everyMs: [500, 2_000] },
    oracles: WITH_RESULTS,
  },
  {
    key: 'services',
    name: 'a process for each service: a file of an object is cut off, then the log by a crash',
    isShort: false,
    env: { ...TWO_NODES, FORNAX_SERVICES: '1' },
    loses: true,
    faults: [
      BUSY,
      // First: an instance that a lost log has run again would replace what is damaged.
      damageAnObject({
        name: 'a cut object',
        bucket: 'fault-services',
        ends: 'power cut',
        change: cutOff,
        wayOut: (object) => steps(mustNotBeRead(object), forgetDamagedObjects(`${object.bucket}/${object.key}`)),
      }),
      BUSY,
      damage({ name: 'cut off', ends: 'power cut', change: cutOffTheLog, ...WENT_BACK }),
    ],
    load: withResults('services'),
    oracles: WITH_RESULTS,
  },
  // The last one on its platform: the bad bytes stay in the block, and nats-server drops what is behind them when it ends in a crash later.
  {
    key: 'flip',
    name: 'one bit of the log is another one after an end in order',
    isShort: false,
    env: TWO_NODES,
    loses: true,
    faults: [BUSY, damage({ name: 'a bit', ends: 'in order', change: flipABitOfTheLog, ...HAS_GAPS })],
    load: LOAD,
    oracles: ALL,
  },
  ...RELEASES.map((release): Scenario => ({
    key: `upgrade-${release}`,
    name: `an upgrade of the data of ${release} under load, killed and cut off`,
    isShort: false,
    env: { ...TWO_NODES, ...RELEASE_SETTINGS },
    release,
    loses: true,
    faults: [
      kill('platform'),
      kill('postgres'),
      calm([100, 1_000]),
      powerCut,
      calm([500, 2_000]),
      kill('nats'),
      powerCut,
    ],
    load: LOAD,
    oracles: ALL,
  })),
];
