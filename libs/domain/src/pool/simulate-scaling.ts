import type { InstantMs } from '../shared/time.js';
import { type IdleSlots, resize } from './resize.js';
import { activePolicyOf, type ElasticSize, nextBoundaryOf, type ScalingPolicy, sizeOfPolicies } from './scaling.js';

/** From `at` on, that many instances run or wait. */
export interface Demand {
  readonly at: InstantMs;
  readonly instances: number;
}

/** What decides the size: policies with windows of time, or one elastic size for ever. */
export type Scaling = { readonly policies: readonly ScalingPolicy[] } | { readonly elastic: ElasticSize };

export interface SimulationInput {
  readonly scaling: Scaling;
  /** In the order of time. */
  readonly demand: readonly Demand[];
  readonly from: InstantMs;
  readonly to: InstantMs;
  /** How long a slot is being opened before it takes work. */
  readonly opensInMs: number;
  /** It ends early after that many points. */
  readonly maxPoints: number;
}

/** How things stand from `at` on. */
export interface SimulatedPoint {
  readonly at: InstantMs;
  /** Of the active policy; null where there is none. */
  readonly policy: string | null;
  readonly demand: number;
  /** Slots that are open or being opened. */
  readonly open: number;
  /** Those of them that take work. */
  readonly ready: number;
  readonly busy: number;
  readonly waiting: number;
}

export interface Simulation {
  readonly points: readonly SimulatedPoint[];
  /** Whether all of the time up to `to` was simulated. */
  readonly isComplete: boolean;
  readonly opened: number;
  readonly closed: number;
  /** Time of slots that were ready, times their number: what a pool is billed for. */
  readonly slotMs: number;
  /** Time of instances that waited, times their number. */
  readonly waitingMs: number;
}

/** The pool of a simulation between two moments. */
class SimulatedPool {
  opened = 0;
  closed = 0;
  busy = 0;
  #idle: IdleSlots[] = [];
  #opening: { readonly readyAt: InstantMs; readonly slots: number }[] = [];
  #grewAt: InstantMs | null = null;

  constructor(private readonly opensInMs: number) {}

  get ready(): number {
    return this.busy + this.#idle.reduce((sum, { slots }) => sum + slots, 0);
  }

  get open(): number {
    return this.ready + this.#opening.reduce((sum, { slots }) => sum + slots, 0);
  }

  get nextReadyAt(): InstantMs {
    return this.#opening[0]?.readyAt ?? Number.POSITIVE_INFINITY;
  }

  /** Slots become ready, and instances take and leave slots: those first that were idle last, so that the others grow old. */
  settle(demand: number, now: InstantMs): void {
    for (let next = this.#opening[0]; next && next.readyAt <= now; next = this.#opening[0]) {
      this.#opening.shift();
      this.#idle.push({ since: next.readyAt, slots: next.slots });
    }
    const busy = Math.min(demand, this.ready);
    if (busy < this.busy) this.#idle.push({ since: now, slots: this.busy - busy });
    else this.#idle = withoutNewest(this.#idle, busy - this.busy);
    this.busy = busy;
  }

  /** @returns when to decide again */
  decide(size: ElasticSize, demand: number, now: InstantMs): InstantMs {
    const { busy, open } = this;
    const waiting = demand - busy;
    // What is being opened is for those that wait.
    const decision = resize(size, { open, busy, idle: this.#idle, waiting, grewAt: this.#grewAt }, now);
    if (decision.open > 0) {
      this.#opening.push({ readyAt: now + this.opensInMs, slots: decision.open });
      this.#grewAt = now;
      this.opened += decision.open;
    }
    this.#idle = withoutOldest(this.#idle, decision.close);
    this.closed += decision.close;
    return decision.againAt ?? Number.POSITIVE_INFINITY;
  }
}

const withoutOldest = (idle: readonly IdleSlots[], slots: number): IdleSlots[] => {
  let left = slots;
  return idle.flatMap((group) => {
    const taken = Math.min(left, group.slots);
    left -= taken;
    return taken === group.slots ? [] : [{ ...group, slots: group.slots - taken }];
  });
};

const withoutNewest = (idle: readonly IdleSlots[], slots: number): IdleSlots[] =>
  withoutOldest(idle.toReversed(), slots).toReversed();

/** Tells what a scaling would have done for a demand. Instances run as soon as there is a ready slot. */
export const simulateScaling = (input: SimulationInput): Simulation => {
  const { scaling, demand, from, to, opensInMs, maxPoints } = input;
  const pool = new SimulatedPool(opensInMs);
  const points: SimulatedPoint[] = [];
  let [slotMs, waitingMs, at, next] = [0, 0, from, 0];
  while (at < to && points.length < maxPoints) {
    while ((demand[next]?.at ?? Number.POSITIVE_INFINITY) <= at) next += 1;
    const instances = demand[next - 1]?.instances ?? 0;
    pool.settle(instances, at);
    const { size, policy } = ruleAt(scaling, at);
    const againAt = pool.decide(size, instances, at);
    // A slot that opens at once is ready at once.
    pool.settle(instances, at);
    const { open, ready, busy } = pool;
    const waiting = instances - busy;
    points.push({ at, policy, demand: instances, open, ready, busy, waiting });
    const until = Math.min(to, againAt, pool.nextReadyAt, demand[next]?.at ?? to, boundaryAt(scaling, at) ?? to);
    slotMs += ready * (until - at);
    waitingMs += waiting * (until - at);
    at = until;
  }
  return { points, isComplete: at >= to, opened: pool.opened, closed: pool.closed, slotMs, waitingMs };
};

const ruleAt = (scaling: Scaling, at: InstantMs): { readonly size: ElasticSize; readonly policy: string | null } => {
  if ('elastic' in scaling) return { size: scaling.elastic, policy: null };
  const active = activePolicyOf(scaling.policies, at);
  return { size: sizeOfPolicies(scaling.policies, active), policy: active?.name ?? null };
};
const boundaryAt = (scaling: Scaling, at: InstantMs): InstantMs | undefined =>
  'elastic' in scaling ? undefined : nextBoundaryOf(scaling.policies, at);
