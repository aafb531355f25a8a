import type { EventType } from './schemas.js';

/** Turns the payload of one stored version into the payload of the next. Pure, and kept for good. */
export type Upcast = (data: Readonly<Record<string, unknown>>) => Record<string, unknown>;

/**
 * Steps from older versions, by event type and the version that the step reads: `{ NodeJoined: { 1: v1ToV2 } }`.
 * A codec refuses to be built when a version between 1 and the current one has no step.
 */
export type Upcasters = Readonly<Partial<Record<string, Readonly<Record<number, Upcast>>>>>;

/** No event has changed its meaning so far. */
export const upcasters: Upcasters & Partial<Record<EventType, Readonly<Record<number, Upcast>>>> = {};
