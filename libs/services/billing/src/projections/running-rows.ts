import type { RecordedCommit } from '@fornax/contracts';
import { parseRanges, sizeOf, type NodeHardwareFacts, type NodePower } from '@fornax/domain';
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

/** What is asked for, as it was submitted. */
interface Asked {
  readonly cores: number;
  /** 0 of a pool. */
  readonly instances: number;
  readonly jobId: string | undefined;
  readonly isInPool: boolean;
}

/** What a batch changes about what is on nodes: what begins and ends in it changes nothing. */
export interface RunningChange {
  readonly asked: Map<string, Asked>;
  /** How many instances of tasks will never run. */
  readonly unrun: Map<string, number>;
  /** When jobs are ended whatever runs. */
  readonly deadlines: Map<string, number>;
  readonly begun: Map<string, Held>;
  /** Of leases that were there before. */
  readonly started: Map<string, Omit<Held, 'node'>>;
  readonly ended: Map<string, Pick<Held, 'taskId' | 'leaseId'>>;
  readonly hardware: Map<string, NodeHardwareFacts>;
  /** All of them: what a node drew is asked of times of before, too. */
  readonly power: DrawnFrom[];
}

const countOf = (instances: string): number => {
  const parsed = parseRanges(instances);
  return 'ranges' in parsed ? sizeOf(parsed.ranges) : 0;
};

export const runningChange = (batch: readonly RecordedCommit[]): RunningChange => {
  const change: RunningChange = {
    asked: new Map(),
    unrun: new Map(),
    deadlines: new Map(),
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
        case 'JobCreated':
          if (event.spec.maxWallTimeSeconds !== undefined)
            change.deadlines.set(event.jobId, Math.floor(event.at) + event.spec.maxWallTimeSeconds * 1_000);
          break;
        case 'TaskSubmitted': {
          const { request, instances, jobId, poolUuid } = event.spec;
          const { cores } = request;
          change.asked.set(taskId, { cores, instances: countOf(instances), jobId, isInPool: poolUuid !== undefined });
          break;
        }
        case 'PoolCreated': {
          const { request, slotsPerNode } = event.spec;
          change.asked.set(taskId, {
            cores: request.cores * slotsPerNode,
            instances: 0,
            jobId: undefined,
            isInPool: false,
          });
          break;
        }
        case 'WaitingInstancesCancelled':
        case 'WaitingInstancesExpired':
          change.unrun.set(taskId, (change.unrun.get(taskId) ?? 0) + countOf(event.instances));
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

const insertAsked = (db: Queries, asked: RunningChange['asked']): Promise<unknown> => {
  const all = [...asked.values()];
  return db.query(
    `INSERT INTO usage_cores (task_id, cores, instances, job_id, in_pool)
     SELECT * FROM unnest($1::text[], $2::double precision[], $3::bigint[], $4::text[], $5::boolean[])`,
    [
      [...asked.keys()],
      all.map(({ cores }) => cores),
      all.map(({ instances }) => instances),
      all.map(({ jobId }) => jobId ?? null),
      all.map(({ isInPool }) => isInPool),
    ],
  );
};

const addUnrun = (db: Queries, unrun: RunningChange['unrun']): Promise<unknown> =>
  db.query(
    `UPDATE usage_cores SET unrun = usage_cores.unrun + more.unrun FROM unnest($1::text[], $2::bigint[]) AS more (task_id, unrun)
     WHERE usage_cores.task_id = more.task_id`,
    [[...unrun.keys()], [...unrun.values()]],
  );

const insertDeadlines = (db: Queries, deadlines: RunningChange['deadlines']): Promise<unknown> =>
  db.query('INSERT INTO job_deadline (job_id, ends_ms) SELECT * FROM unnest($1::text[], $2::bigint[])', [
    [...deadlines.keys()],
    [...deadlines.values()],
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
  const { asked, unrun, deadlines, hardware, power, begun, started, ended } = change;
  if (asked.size > 0) await insertAsked(db, asked);
  if (unrun.size > 0) await addUnrun(db, unrun);
  if (deadlines.size > 0) await insertDeadlines(db, deadlines);
  if (hardware.size > 0) await setHardware(db, hardware);
  if (power.length > 0) await insertPower(db, power);
  if (begun.size > 0) await insertHeld(db, [...begun.values()]);
  if (started.size > 0) await setStarted(db, [...started.values()]);
  if (ended.size > 0) await deleteEnded(db, [...ended.values()]);
};
