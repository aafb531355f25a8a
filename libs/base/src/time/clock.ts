import { randomBytes } from 'node:crypto';

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

/** A new UUID version 7 (RFC 9562): sorts by time of making, to the millisecond. */
export const newId = (at: number = Date.now()): string => {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(at, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};
