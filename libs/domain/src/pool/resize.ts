import type { InstantMs } from '../shared/time.js';
import type { ElasticSize } from './scaling.js';

/** Slots that became idle at the same moment. */
export interface IdleSlots {
  readonly since: InstantMs;
  readonly slots: number;
}

/** What a pool has when its size is decided. */
export interface PoolSlots {
  /** Slots that are open or being opened, busy and idle. */
  readonly open: number;
  readonly busy: number;
  /** The longest idle first. */
  readonly idle: readonly IdleSlots[];
  /** Instances that wait for a slot. */
  readonly waiting: number;
  /** When it last opened slots because of demand. */
  readonly grewAt: InstantMs | null;
}

/** What is to be done now, and when to decide again if nothing else happens. Of `open` and `close` one is 0 at least. */
export interface Resize {
  readonly open: number;
  /** That many of the longest idle slots. */
  readonly close: number;
  readonly againAt: InstantMs | null;
}

const floorOf = ({ minimum, maximum, minimumIdle }: ElasticSize): number =>
  Math.min(maximum, Math.max(minimum, minimumIdle));

/** How many slots a pool should have for what runs and waits: never below its least nor above its most. */
export const wantedSlots = (size: ElasticSize, { busy, waiting }: Pick<PoolSlots, 'busy' | 'waiting'>): number =>
  Math.max(floorOf(size), Math.min(size.maximum, busy + waiting + size.minimumIdle));

/**
 * Decides how a pool grows or shrinks (contract, section 4.11). Pure: the clock is `now`.
 *
 * It grows to its least at once, and beyond that by a step in each period; it shrinks by slots that have been idle for long enough, and to its most by
 * whatever is idle. While the demand stays as it is, the size comes to rest and stays there.
 */
export const resize = (size: ElasticSize, pool: PoolSlots, now: InstantMs): Resize => {
  const wanted = wantedSlots(size, pool);
  if (wanted > pool.open) return grow(size, pool, wanted, now);
  if (wanted < pool.open) return shrink(size, pool, wanted, now);
  return { open: 0, close: 0, againAt: null };
};

const grow = (size: ElasticSize, { open, grewAt }: PoolSlots, wanted: number, now: InstantMs): Resize => {
  const nextStepAt = grewAt === null ? now : grewAt + size.periodMs;
  const step = now < nextStepAt ? 0 : Math.max(1, Math.ceil(size.growth * size.maximum));
  const opened = Math.max(floorOf(size) - open, Math.min(wanted - open, step));
  if (open + opened === wanted) return { open: opened, close: 0, againAt: null };
  return { open: opened, close: 0, againAt: step > 0 ? now + Math.max(1, size.periodMs) : nextStepAt };
};

/** As many of the first slots as there are, `most` at most. Looks at no more groups than it takes. */
const take = (idle: readonly IdleSlots[], most: number, may: (group: IdleSlots) => boolean): number => {
  let taken = 0;
  for (const group of idle) {
    if (taken >= most || !may(group)) break;
    taken += group.slots;
  }
  return Math.min(most, taken);
};

const shrink = (size: ElasticSize, { open, idle }: PoolSlots, wanted: number, now: InstantMs): Resize => {
  const isOld = ({ since }: IdleSlots): boolean => now - since >= size.idleMs;
  const old = take(idle, open - wanted, isOld);
  const close = Math.max(
    old,
    take(idle, Math.max(0, open - size.maximum), () => true),
  );
  if (open - close <= wanted) return { open: 0, close, againAt: null };
  // All of the old ones are closed then, so the next one comes right behind them.
  const next = idle.find((group) => !isOld(group));
  return { open: 0, close, againAt: next ? next.since + size.idleMs : null };
};
