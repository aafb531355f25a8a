import { emptyRanges, fromNumbers, has, iterate, sizeOf, type Ranges } from '../shared/ranges.js';
import type { InstantMs } from '../shared/time.js';
import type { PoolSpec } from './pool.events.js';
import { isPoolEnding, openSlotsOf, type PoolState } from './pool.state.js';
import { resize, type IdleSlots } from './resize.js';
import {
  activePolicyOf,
  boundaryTimesOf,
  fixedSize,
  nextOfTimes,
  sizeOfPolicies,
  type ElasticSize,
} from './scaling.js';

/** What a pool's slots do now. */
export interface PoolDemand {
  /** Instances that run in a slot, by its number; absent: none. */
  readonly running: ReadonlyMap<number, number>;
  /** Since when a slot has had none, by its number; absent: since it was ready. */
  readonly idleSince: ReadonlyMap<number, InstantMs>;
  /** Instances that wait for room in the pool. */
  readonly waiting: number;
  /** Slots on nodes that are drained, by their numbers: they take nothing new. Absent: none. */
  readonly leaving?: ReadonlySet<number>;
}

/** Slots to open and to close, the policy that says so, and when to look again if nothing happens before. */
export interface PoolSizing {
  readonly open: Ranges;
  readonly close: Ranges;
  readonly policyName: string | null;
  readonly againAt: InstantMs | null;
}

/** How long the pool waits after a slot could not be prepared: a second, and twice as long each time. */
const FIRST_BACKOFF_MS = 1_000;

/** The bounds of a pool's size now, in slots; the policy that says so; and when that may change. */
export const boundsOf = (
  { size, slotsPerNode }: Pick<PoolSpec, 'size' | 'slotsPerNode'>,
  now: InstantMs,
): { readonly bounds: ElasticSize; readonly policyName: string | null; readonly until: InstantMs | null } => {
  if (size.type === 'fixed') return { bounds: fixedSize(size.nodes * slotsPerNode), policyName: null, until: null };
  if (size.type === 'elastic') return { bounds: size, policyName: null, until: null };
  const { policies } = size;
  const active = activePolicyOf(policies, now);
  return {
    bounds: sizeOfPolicies(policies, active),
    policyName: active?.name ?? null,
    until: nextOfTimes(boundaryTimesOf(policies), now) ?? null,
  };
};

const soonest = (...times: readonly (InstantMs | null)[]): InstantMs | null => {
  const given = times.filter((time) => time !== null);
  return given.length === 0 ? null : Math.min(...given);
};

/** The smallest numbers that no slot has. */
const freeNumbers = ({ slots }: PoolState, count: number): Ranges => {
  const free: number[] = [];
  for (let number = 0; free.length < count; number += 1)
    if (!has(slots.waiting, number) && !slots.inFlight.has(number)) free.push(number);
  return fromNumbers(free);
};

const runningIn = ({ running }: PoolDemand, slot: number): number => running.get(slot) ?? 0;

/** Leased slots in which nothing runs, the longest idle first; those that are not ready yet are none. */
const idleOf = (
  state: PoolState,
  demand: PoolDemand,
): readonly { readonly slot: number; readonly since: InstantMs }[] =>
  [...iterate(openSlotsOf(state))]
    .flatMap((slot) => {
      if (demand.leaving?.has(slot) === true) return [];
      const lease = state.slots.inFlight.get(slot);
      if (lease?.phase !== 'executing' || runningIn(demand, slot) > 0) return [];
      return [{ slot, since: Math.max(demand.idleSince.get(slot) ?? 0, lease.startedAt ?? lease.dispatchedAt) }];
    })
    .sort((a, b) => a.since - b.since);

/** Slots that a drained node is to be rid of. One in which something runs stays until that has ended, and counts so long: a pool never has more than its most. */
const leftOf = (state: PoolState, demand: PoolDemand): readonly number[] =>
  [...(demand.leaving ?? [])].filter((slot) => has(openSlotsOf(state), slot) && runningIn(demand, slot) === 0);

/** A pool is seen to close before it has closed (contract, section 2.3): whoever asked for it reads `Closing` next. */
const SEEN_CLOSING_MS = 1_000;

/** A pool that ends lets go of what stands idle, once nobody waits for it. */
const sizeOfEnding = (state: PoolState, demand: PoolDemand, now: InstantMs): PoolSizing => {
  const { policyName, closingSince, deleteRequested, failed } = state;
  const closesAt = closingSince === null || deleteRequested || failed !== null ? now : closingSince + SEEN_CLOSING_MS;
  if (now < closesAt) return { open: emptyRanges, close: emptyRanges, policyName, againAt: closesAt };
  const isNeeded = demand.waiting > 0 && state.failed === null;
  const unused = [...iterate(openSlotsOf(state))].filter((slot) => runningIn(demand, slot) === 0);
  const close = fromNumbers(isNeeded ? leftOf(state, demand) : unused);
  return { open: emptyRanges, close, policyName, againAt: null };
};

/**
 * Decides which slots of a pool are opened and closed (contract, section 4.11). Pure: the clock is `now`. A lease takes `slotsPerNode` instances, so what
 * {@link resize} says of slots is rounded: up to open, down to close. What stands idle on a drained node is closed, and others are opened in its place.
 */
export const sizePool = (state: PoolState, demand: PoolDemand, now: InstantMs): PoolSizing => {
  if (isPoolEnding(state)) return sizeOfEnding(state, demand, now);
  const { slotsPerNode } = state.spec;
  const { bounds, policyName, until } = boundsOf(state.spec, now);
  const idle = idleOf(state, demand);
  // What is not on a node yet costs nothing to let go of.
  const notBegun = sizeOf(state.slots.waiting);
  const groups: readonly IdleSlots[] = [
    ...(notBegun > 0 ? [{ since: Number.NEGATIVE_INFINITY, slots: notBegun * slotsPerNode }] : []),
    ...idle.map(({ since }) => ({ since, slots: slotsPerNode })),
  ];
  const left = leftOf(state, demand);
  const leases = notBegun + sizeOf(openSlotsOf(state)) - left.length;
  const { open, close, againAt } = resize(
    bounds,
    {
      open: leases * slotsPerNode,
      busy: [...demand.running.values()].reduce((sum, count) => sum + count, 0),
      idle: groups,
      waiting: demand.waiting,
      grewAt: state.grewAt,
    },
    now,
  );
  const retryAt = state.failedAt === null ? null : state.failedAt + FIRST_BACKOFF_MS * 2 ** (state.failures - 1);
  const isHeld = retryAt !== null && now < retryAt;
  const closable = [...[...iterate(state.slots.waiting)].reverse(), ...idle.map(({ slot }) => slot)];
  return {
    open: isHeld ? emptyRanges : freeNumbers(state, Math.ceil(open / slotsPerNode)),
    close: fromNumbers([...left, ...closable.slice(0, Math.floor(close / slotsPerNode))]),
    policyName,
    againAt: soonest(againAt, until, isHeld ? retryAt : null),
  };
};
