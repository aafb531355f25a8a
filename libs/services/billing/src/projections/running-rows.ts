import type { RecordedCommit } from '@fornax/contracts';
import type { NodeHardwareFacts, NodePower } from '@fornax/domain';
import type { Queries } from './ledger-state.js';

/** A lease that has a place of its own on a node. */
interface Held {
  readonly taskId: string;
  readonly leaseId: string;
  readonly node: string;
  startedAt: number | undefined;
}

/** What a node draws, from when it joined. */
interface DrawnFrom {
  readonly node: string;
  readonly from: number;
  readonly cores: number;
  readonly power: NodePower | undefined;
  readonly site: string | undefined;
}

/** What a batch changes about what is on nodes: what begins and ends in it changes nothing. */
export interface RunningChange {
  readonly cores: Map<string, number>;
  readonly begun: Map<string, Held>;
  /** Of leases that were there before. */
  readonly started: Map<string, Omit<Held, 'node'>>;
  readonly ended: Map<string, Pick<Held, 'taskId' | 'leaseId'>>;
  readonly hardware: Map<string, NodeHardwareFacts>;
  /** All of them: what a node drew is asked of times of before, too. */
  readonly power: DrawnFrom[];
}

export const runningChange = (batch: readonly RecordedCommit[]): RunningChange => {
  const change: RunningChange = {
    cores: new Map(),
    begun: new Map(),
    started: new Map(),
    ended: new Map(),
    hardware: new Map(),
    power: [],
  };
  for (const { aggregateId: taskId, events } of batch) {
    const keyOf = (leaseId: string): string => JSON.stringify([taskId, leaseId]);
    for (const event of events)
      switch (event.type) {
        case 'NodeJoined':
          change.hardware.set(event.nodeId, event.hardware);
          change.power.push({
            node: event.nodeId,
            from: event.at,
            cores: event.hardware.cores,
            power: event.hardware.power,
            site: event.hardware.site,
          });
          break;
        case 'TaskSubmitted':
          change.cores.set(taskId, event.spec.request.cores);
          break;
        case 'PoolCreated':
          change.cores.set(taskId, event.spec.request.cores * event.spec.slotsPerNode);
          break;
        case 'InstancesDispatched':
        case 'SlotsDispatched':
          for (const { leaseId, node, inSlot } of event.leases)
            if (inSlot === undefined) change.begun.set(keyOf(leaseId), { taskId, leaseId, node, startedAt: undefined });
          break;
        case 'InstancesStarted':
        case 'SlotsReady':
          for (const { leaseId, startedAt } of event.leases) {
            const held = change.begun.get(keyOf(leaseId));
            if (held) held.startedAt = startedAt;
            else change.started.set(keyOf(leaseId), { taskId, leaseId, startedAt });
          }
          break;
        case 'InstancesConcluded':
        case 'InstancesRequeued':
        case 'SlotsEnded':
          for (const { leaseId, inSlot } of event.attempts) {
            if (inSlot !== undefined) continue;
            change.started.delete(keyOf(leaseId));
            if (!change.begun.delete(keyOf(leaseId))) change.ended.set(keyOf(leaseId), { taskId, leaseId });
          }
          break;
        default:
      }
  }
  return change;
};

const insertCores = (db: Queries, cores: RunningChange['cores']): Promise<unknown> =>
  db.query('INSERT INTO usage_cores (task_id, cores) SELECT * FROM unnest($1::text[], $2::double precision[])', [
    [...cores.keys()],
    [...cores.values()],
  ]);

const setHardware = (db: Queries, hardware: RunningChange['hardware']): Promise<unknown> => {
  const facts = [...hardware.values()];
  return db.query(
    `INSERT INTO node_hardware (node, specification_key, cpu_model, cores, ghz)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::double precision[], $5::double precision[])
     ON CONFLICT (node) DO UPDATE SET specification_key = excluded.specification_key, cpu_model = excluded.cpu_model,
       cores = excluded.cores, ghz = excluded.ghz`,
    [
      [...hardware.keys()],
      facts.map(({ specificationKey }) => specificationKey),
      facts.map(({ cpuModel }) => cpuModel),
      facts.map(({ cores }) => cores),
      facts.map(({ ghz }) => ghz),
    ],
  );
};

const insertPower = (db: Queries, drawn: readonly DrawnFrom[]): Promise<unknown> =>
  db.query(
    `INSERT INTO node_power (node, from_ms, cores, idle_milliwatts, core_milliwatts, site)
     SELECT * FROM unnest($1::text[], $2::bigint[], $3::double precision[], $4::bigint[], $5::bigint[], $6::text[])
     ON CONFLICT (node, from_ms) DO NOTHING`,
    [
      drawn.map(({ node }) => node),
      drawn.map(({ from }) => Math.floor(from)),
      drawn.map(({ cores }) => cores),
      drawn.map(({ power }) => power?.idleMilliwatts ?? null),
      drawn.map(({ power }) => power?.coreMilliwatts ?? null),
      drawn.map(({ site }) => site ?? null),
    ],
  );

const insertHeld = (db: Queries, held: readonly Held[]): Promise<unknown> =>
  db.query(
    'INSERT INTO running_attempt (task_id, lease_id, node, started_ms) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])',
    [
      held.map(({ taskId }) => taskId),
      held.map(({ leaseId }) => leaseId),
      held.map(({ node }) => node),
      held.map(({ startedAt }) => (startedAt === undefined ? null : Math.floor(startedAt))),
    ],
  );

const setStarted = (db: Queries, started: readonly Omit<Held, 'node'>[]): Promise<unknown> =>
  db.query(
    `UPDATE running_attempt SET started_ms = known.started_ms
     FROM unnest($1::text[], $2::text[], $3::bigint[]) AS known (task_id, lease_id, started_ms)
     WHERE running_attempt.task_id = known.task_id AND running_attempt.lease_id = known.lease_id`,
    [
      started.map(({ taskId }) => taskId),
      started.map(({ leaseId }) => leaseId),
      started.map(({ startedAt }) => Math.floor(startedAt ?? 0)),
    ],
  );

const deleteEnded = (db: Queries, ended: readonly Pick<Held, 'taskId' | 'leaseId'>[]): Promise<unknown> =>
  db.query(
    `DELETE FROM running_attempt USING unnest($1::text[], $2::text[]) AS over (task_id, lease_id)
     WHERE running_attempt.task_id = over.task_id AND running_attempt.lease_id = over.lease_id`,
    [ended.map(({ taskId }) => taskId), ended.map(({ leaseId }) => leaseId)],
  );

export const writeRunning = async (db: Queries, change: RunningChange): Promise<void> => {
  const { cores, hardware, power, begun, started, ended } = change;
  if (cores.size > 0) await insertCores(db, cores);
  if (hardware.size > 0) await setHardware(db, hardware);
  if (power.length > 0) await insertPower(db, power);
  if (begun.size > 0) await insertHeld(db, [...begun.values()]);
  if (started.size > 0) await setStarted(db, [...started.values()]);
  if (ended.size > 0) await deleteEnded(db, [...ended.values()]);
};
