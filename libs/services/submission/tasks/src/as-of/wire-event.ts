import { eventVersionOf, type FornaxEvent, type RecordedCommit } from '@fornax/contracts';
import { formatRanges, fromNumbers, isSecretName } from '@fornax/domain';
import { z } from 'zod';
import type { KnownObject } from '../model/known-objects.js';
import { MASK } from '../model/secret-constants.js';

/** An event as its owner reads it: in the history of a task or a pool, in the live feed and in webhooks. */
export const wireEventSchema = z.object({
  /** `<sequence>.<index>`: the same for good, and in order. */
  id: z.string(),
  /** Place of the commit in the log. */
  sequence: z.int().nonnegative(),
  /** Place of the event in its commit. */
  index: z.int().nonnegative(),
  type: z.string(),
  version: z.int().positive(),
  /** RFC 3339, by the clock of the service that decided. */
  at: z.string(),
  /** Null where it is about a job or a pool. */
  taskId: z.string().nullable(),
  aggregate: z.string(),
  aggregateId: z.string(),
  /** Who: `user:<account id>`, `service:<name>` or `node:<node id>`. */
  actor: z.string(),
  /** For whom: the owner of the task, `user:<account id>`. Where it is not the actor, somebody looked after the task. */
  onBehalfOf: z.string(),
  /** Why, in the actor's words; null when it gave no reason. */
  reason: z.string().nullable(),
  /** The service that decided. */
  source: z.string(),
  correlationId: z.string(),
  /** What led to it: the id of a commit or of a report. */
  causationId: z.string().nullable(),
  traceparent: z.string().nullable(),
  /** The rest of the event, as the AsyncAPI document describes it, without secrets and without the tails of long lists. */
  data: z.record(z.string(), z.unknown()),
});
export type WireEvent = z.output<typeof wireEventSchema>;

/**
 * Leases or attempts shown of one event. One commit of a large task may hold a thousand; `instances` then names all of them as ranges and
 * `omitted` says how many are not shown one by one.
 */
export const MOST_ITEMS = 100;

type Json = Readonly<Record<string, unknown>>;
const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Values of secret constants, wherever they stand, in clear or sealed. */
const masked = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(masked);
  if (!isJson(value)) return value;
  const { key } = value;
  if (typeof key === 'string' && ('sealed' in value || isSecretName(key))) return { key, value: MASK };
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, isSecretName(name) ? MASK : masked(inner)]),
  );
};

const withoutKey = ({ wrappedKey: _key, ...rest }: Json): Json => rest;

const withoutSecrets = (data: Json): Json => {
  const { spec } = data;
  const bare = withoutKey(isJson(spec) ? { ...data, spec: withoutKey(spec) } : data);
  return masked(bare) as Json;
};

const instanceOf = (item: unknown): readonly number[] =>
  isJson(item) && typeof item['instance'] === 'number' ? [item['instance']] : [];

const withoutTails = (data: Json): Json => {
  const cut = Object.entries(data).find((entry): entry is [string, unknown[]] => {
    const [, value] = entry;
    return Array.isArray(value) && value.length > MOST_ITEMS && value.every(isJson);
  });
  if (!cut) return data;
  const [name, items] = cut;
  const instances = formatRanges(fromNumbers(items.flatMap(instanceOf)));
  return { ...data, [name]: items.slice(0, MOST_ITEMS), instances, omitted: items.length - MOST_ITEMS };
};

/** What is told of tasks; of others the aggregate and its id say what they are about. */
const ABOUT_TASKS: ReadonlySet<string> = new Set(['task', 'snapshot', 'secret-access']);

const dataOf = ({ type: _type, at: _at, ...data }: FornaxEvent): Json => withoutSecrets(withoutTails(data));

/** The events of one commit as their owner may see them. @param about what they are about, and whose that is */
export const wireEventsOf = (commit: RecordedCommit, about: KnownObject): readonly WireEvent[] =>
  commit.events.map((event, index) => ({
    id: `${commit.sequence}.${index}`,
    sequence: commit.sequence,
    index,
    type: event.type,
    version: eventVersionOf(event.type),
    at: new Date(event.at).toISOString(),
    taskId: ABOUT_TASKS.has(commit.aggregate) ? about.id : null,
    aggregate: commit.aggregate,
    aggregateId: commit.aggregateId,
    actor: commit.meta.actor,
    onBehalfOf: commit.meta.onBehalfOf ?? `user:${about.owner}`,
    reason: commit.meta.reason ?? null,
    source: commit.meta.source,
    correlationId: commit.meta.correlationId,
    causationId: commit.meta.causationId ?? null,
    traceparent: commit.meta.traceparent ?? null,
    data: dataOf(event),
  }));
