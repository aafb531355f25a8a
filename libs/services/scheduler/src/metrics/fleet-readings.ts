import type { NameOf } from '@fornax/base';
import { SCHEDULING_PLANS, sizeOf, takesWork, type LeasePhase, type NodeStatus } from '@fornax/domain';
import type { WaitingReason } from '../view/round.js';
import type { SchedulerView } from '../view/scheduler-view.js';
import type { TaskEntry } from '../view/task-entry.js';

/** The value of a gauge now. */
export interface Reading {
  readonly name: NameOf<'gauge'>;
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}

export interface WaitingFacts {
  readonly reasonOf: (taskId: string) => WaitingReason | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const PHASES: readonly LeasePhase[] = ['dispatched', 'executing', 'uploading'];
const STATUSES: readonly NodeStatus[] = ['online', 'draining', 'lost', 'retired'];
const BYTES_PER_MB = 1_000_000;

/** Adds up numbers under the values of labels. */
class Sums<Key extends string> {
  private readonly sums: Map<Key, number>;

  constructor(keys: readonly Key[] = []) {
    this.sums = new Map(keys.map((key) => [key, 0]));
  }

  add(key: Key, count: number): void {
    this.sums.set(key, (this.sums.get(key) ?? 0) + count);
  }

  atLeast(key: Key, value: number): void {
    this.sums.set(key, Math.max(this.sums.get(key) ?? 0, value));
  }

  readings(name: Reading['name'], labelsOf: (key: Key) => Reading['labels']): readonly Reading[] {
    return [...this.sums].map(([key, value]) => ({ name, value, labels: labelsOf(key) }));
  }
}

const whyOf = ({ taskId, state }: TaskEntry, { reasonOf }: WaitingFacts): string =>
  state.isHeld || state.held.size > 0 ? 'dependencies' : (reasonOf(taskId)?.reason ?? 'placing');

/** Reasons that are no matter of the fleet: what its owner waits for, or may not have. Nobody is to be woken up for them. */
const OF_OWNERS: ReadonlySet<string> = new Set(['dependencies', 'quota', 'credits-exhausted', 'budget-exhausted']);

/** So many tasks are looked at in one turn of the event loop: rounds and requests come in between. */
export const TASKS_IN_A_TURN = 2_000;

function* queueReadings(view: SchedulerView, facts: WaitingFacts): Generator<void, readonly Reading[]> {
  const waiting = new Sums<string>(SCHEDULING_PLANS.map((plan) => `${plan} placing`));
  const oldest = new Sums<string>(SCHEDULING_PLANS);
  const phases = new Sums<LeasePhase>(PHASES);
  let tasks = 0;
  let seen = 0;
  for (const entry of view.allTasks()) {
    const { state, pool, waitingSince } = entry;
    seen += 1;
    if (seen % TASKS_IN_A_TURN === 0) yield;
    if (pool) continue;
    tasks += 1;
    for (const { phase } of state.inFlight.values()) phases.add(phase, 1);
    const count = sizeOf(state.waiting);
    if (count === 0) continue;
    const why = whyOf(entry, facts);
    waiting.add(`${state.spec.plan} ${why}`, count);
    if (waitingSince !== undefined && !OF_OWNERS.has(why))
      oldest.atLeast(state.spec.plan, Math.max(0, facts.now - waitingSince) / 1_000);
  }
  return [
    { name: 'fornax.tasks.unfinished', value: tasks, labels: {} },
    ...phases.readings('fornax.leases.held', (phase) => ({ phase })),
    ...oldest.readings('fornax.queue.wait.oldest', (plan) => ({ plan })),
    ...waiting.readings('fornax.queue.instances', (key) => {
      const [plan = '', reason = ''] = key.split(' ');
      return { plan, reason };
    }),
  ];
}

const slotReadings = (view: SchedulerView): readonly Reading[] => {
  const slots = new Sums<'used' | 'free'>(['used', 'free']);
  for (const { pool } of view.allTasks()) {
    if (!pool) continue;
    for (const { leaseId, phase } of pool.slots.inFlight.values()) {
      if (phase === 'executing') slots.add(view.leases.runningIn(leaseId) > 0 ? 'used' : 'free', 1);
    }
  }
  return slots.readings('fornax.pool.slots', (use) => ({ use }));
};

const nodeReadings = (view: SchedulerView): readonly Reading[] => {
  const statuses = new Sums<NodeStatus>(STATUSES);
  const cores = new Sums<'used' | 'free'>(['used', 'free']);
  const memory = new Sums<'used' | 'free'>(['used', 'free']);
  for (const [id, { state }] of view.allNodes()) {
    statuses.add(state.status, 1);
    if (!takesWork(state)) continue;
    const used = view.leases.usageOfNode(id);
    cores.add('used', used.cores);
    cores.add('free', Math.max(0, state.hardware.cores - used.cores));
    memory.add('used', used.memoryMB * BYTES_PER_MB);
    memory.add('free', Math.max(0, state.hardware.memoryMB - used.memoryMB) * BYTES_PER_MB);
  }
  return [
    ...statuses.readings('fornax.nodes', (status) => ({ status })),
    ...cores.readings('fornax.fleet.cores', (use) => ({ use })),
    ...memory.readings('fornax.fleet.memory', (use) => ({ use })),
  ];
};

/** Reads the gauges of the queue and of the fleet off the view. One walk over what is unfinished, which may be gone on with in a later turn. */
export function* fleetReadings(view: SchedulerView, facts: WaitingFacts): Generator<void, readonly Reading[]> {
  return [...(yield* queueReadings(view, facts)), ...slotReadings(view), ...nodeReadings(view)];
}
