import type { EventType } from './schemas.js';

/** Turns the payload of one stored version into the payload of the next. Pure, and kept for good. */
export type Upcast = (data: Readonly<Record<string, unknown>>) => Record<string, unknown>;

/**
 * Steps from older versions, by event type and the version that the step reads: `{ NodeJoined: { 1: v1ToV2 } }`.
 * A codec refuses to be built when a version between 1 and the current one has no step.
 */
export type Upcasters = Readonly<Partial<Record<string, Readonly<Record<number, Upcast>>>>>;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Version 2 always says which version of its profile a task has. The first tasks did not: profiles had one version then. */
const withProfileVersion: Upcast = (data) => {
  const { spec } = data;
  // What is no spec stays what it is, for the schema to refuse.
  return { ...data, spec: isRecord(spec) ? { profileVersion: 1, ...spec } : spec };
};

/** Every step that there is. How one is added: `docs/explanation/change-an-event.md`. */
export const upcasters: Upcasters & Partial<Record<EventType, Readonly<Record<number, Upcast>>>> = {
  TaskSubmitted: { 1: withProfileVersion },
};
