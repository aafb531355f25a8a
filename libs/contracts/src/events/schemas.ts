import type { Aggregate } from '../subjects/subjects.js';
import type { FornaxEvent } from './commit.js';
import { z } from 'zod';
import { accountEvents } from './schemas/account.schemas.js';
import { bucketEvents } from './schemas/bucket.schemas.js';
import { jobEvents } from './schemas/job.schemas.js';
import { logArchiveEvents } from './schemas/log-archive.schemas.js';
import { masterKeyEvents } from './schemas/master-key.schemas.js';
import { meterEvents } from './schemas/meter.schemas.js';
import { nodeEvents } from './schemas/node.schemas.js';
import { poolEvents } from './schemas/pool.schemas.js';
import { pricingEvents } from './schemas/pricing.schemas.js';
import { profileEvents } from './schemas/profile.schemas.js';
import { instant } from './schemas/scalars.js';
import { secretEvents } from './schemas/secret.schemas.js';
import { snapshotEvents } from './schemas/snapshot.schemas.js';
import { spendingEvents } from './schemas/spending.schemas.js';
import { taskEvents } from './schemas/task.schemas.js';
import { webhookEvents } from './schemas/webhook.schemas.js';

/**
 * Version and stored form of every event, as written today: the payload (`data`) of its CloudEvent, that is the event without its type. Older
 * versions are read through `upcasters`. What a schema does not describe is never written. The assertion at the end of this file does not
 * compile when a schema and its TypeScript type differ in any field.
 */
export const eventSchemas = {
  ...taskEvents,
  ...jobEvents,
  ...poolEvents,
  ...nodeEvents,
  ...bucketEvents,
  ...snapshotEvents,
  ...accountEvents,
  ...pricingEvents,
  ...webhookEvents,
  ...secretEvents,
  ...masterKeyEvents,
  ...spendingEvents,
  ...logArchiveEvents,
  ...meterEvents,
  ...profileEvents,
  LogProbed: { version: 1, aggregate: 'pool', schema: z.object({ at: instant }) },
} as const;

export type EventType = FornaxEvent['type'];

const versions = new Map<string, number>(Object.entries(eventSchemas).map(([type, { version }]) => [type, version]));
/** Names of the events that an aggregate writes. */
export const eventTypesOf = (aggregate: Aggregate): readonly string[] =>
  Object.entries(eventSchemas).flatMap(([type, event]) => (event.aggregate === aggregate ? [type] : []));
/** The version that an event is written in today, to which older ones are upcast when they are read. */
export const eventVersionOf = (type: string): number => versions.get(type) ?? 1;

/** Both sides rewritten to one form (no readonly, intersections merged), so that they can be compared exactly. */
type Plain<T> = T extends readonly (infer E)[]
  ? Plain<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Plain<T[K]> }
    : T;
type Exactly<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type PayloadOf<T extends EventType> = Omit<Extract<FornaxEvent, { type: T }>, 'type'>;
type Schemas = typeof eventSchemas;
/** True for each event type whose schema describes exactly its TypeScript type; a missing or extra schema is not true either. */
type SchemaMatches = {
  [T in EventType | keyof Schemas]: T extends EventType & keyof Schemas
    ? Exactly<Plain<PayloadOf<T>>, Plain<z.output<Schemas[T]['schema']>>>
    : false;
};
type AllTrue<T extends Record<EventType, true>> = T;
/** Does not compile when a schema drifts from its type. @public so that it is never reported as unused. */
export type EventSchemasMatchTheirTypes = AllTrue<SchemaMatches>;
