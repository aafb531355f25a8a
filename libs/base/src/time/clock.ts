/**
 * Tells what time it is, for people and for what must outlive the process; injected under CLOCK. It may be set at any moment, forwards and back:
 * how long something took, or whether it took too long, is asked of a MonotonicClock (ADR 0027).
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** Measures silence, waits and durations, whatever happens to the time of day; injected under MONOTONIC_CLOCK. */
export interface MonotonicClock {
  /** Milliseconds since a moment that only this process knows: never stored, never told to anybody else. */
  elapsed(): number;
}

export const systemMonotonicClock: MonotonicClock = { elapsed: () => performance.now() };
