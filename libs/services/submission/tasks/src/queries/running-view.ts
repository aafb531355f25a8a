import { wireDate, type WireRunningInstance, type WireStatus } from '@fornax/contracts';
import { waysInOf, type InFlight, type WayIn } from '@fornax/domain';
import { liveKey, type Forwarder, type LiveLease, type LiveLeases } from '../live/live-board.js';
import type { TaskStatus } from '../model/task-status.js';
import { CLOCK_RATIO, rounded, seconds } from './view-values.js';

/** A lease in flight, and what the node that has it says of it. */
export interface Running {
  readonly instance: number;
  readonly lease: InFlight;
  readonly live: LiveLease | undefined;
}

/** Running instances listed of one task, the lowest numbers first: scripts look at the first one. Sums are of all. */
const MOST_RUNNING = 1_000;

type Phase = WireRunningInstance['phase'];
const ORDER: readonly Phase[] = ['dispatch', 'environment', 'download', 'execution', 'shutdown', 'upload'];
const PHASES = { dispatched: 'dispatch', executing: 'execution', uploading: 'shutdown' } as const satisfies Record<
  InFlight['phase'],
  Phase
>;

/** The log and the node tell the phase, each a little late: the further one is true. */
const phaseOf = ({ lease, live }: Running): Phase => {
  const known = PHASES[lease.phase];
  const told = live?.instance.phase ?? known;
  return ORDER.indexOf(told) > ORDER.indexOf(known) ? told : known;
};

export const runningOf = ({ fold }: TaskStatus, live: LiveLeases): readonly Running[] =>
  [...fold.inFlight]
    .map(([instance, lease]): Running => ({ instance, lease, live: live.get(liveKey(lease.node, lease.leaseId)) }))
    .sort((a, b) => a.instance - b.instance);

/** Time that the command has run so far. */
export const executionMsSoFar = ({ lease, live }: Running, now: number): number => {
  if (lease.startedAt === undefined || lease.phase !== 'executing') return live?.instance.executionMs ?? 0;
  return Math.max(0, now - lease.startedAt);
};

const INT32_MAX = 2_147_483_647;
/** Whole megabytes, as strict clients read them; what uses some memory never shows as using none. */
const megabytes = (value: number): number => Math.min(Math.ceil(value), INT32_MAX);

/** A port of an instance that is forwarded now. */
interface OpenWay {
  readonly way: WayIn;
  readonly publicPort: number;
  readonly forwarder: Forwarder;
}

/** The forwards of an instance that are open, in the order in which its task names them; a node can tell of no others. */
export const openWaysOf = ({ fold }: Pick<TaskStatus, 'fold'>, { live }: Pick<Running, 'live'>): readonly OpenWay[] => {
  const told = live?.instance.ways ?? [];
  if (!live || told.length === 0) return [];
  return waysInOf(fold.spec).flatMap((way) => {
    const publicPort = told.find(({ port }) => port === way.port)?.publicPort;
    return publicPort === undefined ? [] : [{ way, publicPort, forwarder: live.forwarder }];
  });
};

const viewOf = (task: TaskStatus, running: Running, now: number): WireRunningInstance => {
  const { lease, live } = running;
  const { cores, memoryMB } = task.fold.spec.request;
  const used = live?.instance.memoryMB ?? 0;
  return {
    phase: phaseOf(running),
    instanceId: running.instance,
    maxFrequencyGHz: live?.host.maxGhz ?? 0,
    currentFrequencyGHz: live?.host.ghz ?? 0,
    cpuUsage: live?.instance.cpuUsage ?? 0,
    maxMemoryMB: megabytes(memoryMB),
    currentMemoryMB: megabytes(used),
    memoryUsage: memoryMB > 0 ? rounded(Math.min(1, used / memoryMB)) : 0,
    networkInKbps: live?.instance.networkInKbps ?? 0,
    networkOutKbps: live?.instance.networkOutKbps ?? 0,
    progress: live?.instance.progress ?? 0,
    executionTimeSec: seconds(executionMsSoFar(running, now)),
    executionTimeGHz: live?.instance.ghzSeconds ?? 0,
    specificationKey: live?.host.specificationKey ?? '',
    cpuModel: live?.host.cpuModel ?? '',
    coreCount: Math.round(cores),
    executionAttemptCount: lease.attempt,
    clockRatio: CLOCK_RATIO,
    activeForwards: openWaysOf(task, running).map(({ way, publicPort, forwarder }) => ({
      applicationPort: way.port,
      forwarderPort: publicPort,
      forwarderHost: forwarder.publicHost,
      bindAddress: forwarder.host,
    })),
    vpnConnections: [],
  };
};

const sumOf = <T>(items: readonly T[], value: (item: T) => number): number =>
  items.reduce((sum, item) => sum + value(item), 0);
/** How fast a node runs beside how fast it could: 1 when it does not know. */
const powerOf = ({ host }: LiveLease): number =>
  host.maxGhz > 0 && host.ghz > 0 ? Math.min(1, host.ghz / host.maxGhz) : 1;
const averageOf = <T>(items: readonly T[], value: (item: T) => number): number =>
  items.length === 0 ? 0 : rounded(sumOf(items, value) / items.length);

/** Cores in use on each kind of processor. */
const coresByModel = (
  task: TaskStatus,
  measured: readonly LiveLease[],
): NonNullable<WireStatus['runningInstancesInfo']>['runningCoreCountByCpuModel'] => {
  const byModel = new Map<string, { model: string; core: number; running: number }>();
  for (const { host } of measured) {
    const key = `${host.cpuModel}|${host.cores}`;
    const entry = byModel.get(key) ?? { model: host.cpuModel, core: host.cores, running: 0 };
    byModel.set(key, { ...entry, running: entry.running + task.fold.spec.request.cores });
  }
  return [...byModel.values()].map(({ model, core, running }) => ({
    model,
    core,
    runningCoreCount: Math.round(running),
  }));
};

/** The running instances (contract, section 3.8), each and together. Together: of those that their nodes have told of. */
export const runningInfo = (
  task: TaskStatus,
  running: readonly Running[],
  now: number,
): WireStatus['runningInstancesInfo'] => {
  const measured = running.flatMap(({ live }) => live ?? []);
  const { memoryMB } = task.fold.spec.request;
  const current = measured.map(({ host }) => host.ghz);
  const networkIn = sumOf(measured, ({ instance }) => instance.networkInKbps);
  const networkOut = sumOf(measured, ({ instance }) => instance.networkOutKbps);
  const toldAt = measured.reduce((latest, { at }) => Math.max(latest, at), task.modifiedMs);
  return {
    perRunningInstanceInfo: running.slice(0, MOST_RUNNING).map((one) => viewOf(task, one, now)),
    snapshotResults: [],
    timestamp: wireDate(toldAt),
    averageFrequencyGHz: averageOf(current, (ghz) => ghz),
    maxFrequencyGHz: current.reduce((most, ghz) => Math.max(most, ghz), 0),
    minFrequencyGHz: current.reduce((least, ghz) => Math.min(least, ghz), current[0] ?? 0),
    averageMaxFrequencyGHz: averageOf(measured, ({ host }) => host.maxGhz),
    averageCpuUsage: averageOf(measured, ({ instance }) => instance.cpuUsage),
    // Healthy unless a node says otherwise: 1 also when none says anything, before the start and after the end (contract, section 7.7).
    clusterPowerIndicator: measured.length === 0 ? 1 : averageOf(measured, powerOf),
    averageMemoryUsage: averageOf(measured, ({ instance }) =>
      memoryMB > 0 ? Math.min(1, instance.memoryMB / memoryMB) : 0,
    ),
    averageNetworkInKbps: measured.length > 0 ? rounded(networkIn / measured.length) : 0,
    averageNetworkOutKbps: measured.length > 0 ? rounded(networkOut / measured.length) : 0,
    totalNetworkInKbps: rounded(networkIn),
    totalNetworkOutKbps: rounded(networkOut),
    runningCoreCountByCpuModel: coresByModel(task, measured),
  };
};
