import type { InstantMs } from '../shared/time.js';
import { type IdleSlots, resize } from './resize.js';
import {
  activePolicyOf,
  type ElasticSize,
  boundaryTimesOf,
  nextOfTimes,
  type ScalingPolicy,
  sizeOfPolicies,
} from './scaling.js';

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

/** The pool of a simulation between two moments. A long simulation has thousands of groups: none of its steps looks at all of them. */
class SimulatedPool {
  opened = 0;
  closed = 0;
  busy = 0;
  /** The longest idle first. */
  readonly #idle: IdleSlots[] = [];
  readonly #opening: { readonly readyAt: InstantMs; readonly slots: number }[] = [];
  #idleSlots = 0;
  #openingSlots = 0;
  #grewAt: InstantMs | null = null;

  constructor(private readonly opensInMs: number) {}

  get ready(): number {
    return this.busy + this.#idleSlots;
  }

  get open(): number {
    return this.ready + this.#openingSlots;
  }

  get nextReadyAt(): InstantMs {
    return this.#opening[0]?.readyAt ?? Number.POSITIVE_INFINITY;
  }

  /** Slots become ready, and instances take and leave slots: those first that were idle last, so that the others grow old. */
  settle(demand: number, now: InstantMs): void {
    for (let next = this.#opening[0]; next && next.readyAt <= now; next = this.#opening[0]) {
      this.#opening.shift();
      this.#openingSlots -= next.slots;
      this.#rest({ since: next.readyAt, slots: next.slots });
    }
    const busy = Math.min(demand, this.ready);
    if (busy < this.busy) this.#rest({ since: now, slots: this.busy - busy });
    else this.#takeNewest(busy - this.busy);
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
      this.#openingSlots += decision.open;
      this.#grewAt = now;
      this.opened += decision.open;
    }
    this.#takeOldest(decision.close);
    this.closed += decision.close;
    return decision.againAt ?? Number.POSITIVE_INFINITY;
  }

  #rest(group: IdleSlots): void {
    this.#idle.push(group);
    this.#idleSlots += group.slots;
  }

  #takeNewest(slots: number): void {
    this.#idleSlots -= slots;
    for (let left = slots, last = this.#idle.at(-1); left > 0 && last; last = this.#idle.at(-1)) {
      this.#idle.pop();
      if (last.slots > left) this.#idle.push({ since: last.since, slots: last.slots - left });
      left -= Math.min(left, last.slots);
    }
  }

  #takeOldest(slots: number): void {
    this.#idleSlots -= slots;
    let [left, gone] = [slots, 0];
    for (let first = this.#idle[0]; left > 0 && first; first = this.#idle[gone]) {
      if (first.slots > left) this.#idle[gone] = { since: first.since, slots: first.slots - left };
      else gone += 1;
      left -= Math.min(left, first.slots);
    }
    this.#idle.splice(0, gone);
  }
}

/** Tells what a scaling would have done for a demand. Instances run as soon as there is a ready slot. */
export const simulateScaling = (input: SimulationInput): Simulation => {
  const { scaling, demand, from, to, opensInMs, maxPoints } = input;
  const pool = new SimulatedPool(opensInMs);
  const boundaries = 'elastic' in scaling ? [] : boundaryTimesOf(scaling.policies);
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
    const until = Math.min(to, againAt, pool.nextReadyAt, demand[next]?.at ?? to, nextOfTimes(boundaries, at) ?? to);
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
