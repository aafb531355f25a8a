import type { Aggregate } from '../subjects/subjects.js';
import type { Actor, Commit, CommitMeta, FornaxEvent, Principal, RecordedCommit } from './commit.js';
import { z } from 'zod';
import { eventSchemas } from './schemas.js';
import { upcasters, type Upcast, type Upcasters } from './upcasters.js';

export const COMMIT_CONTENT_TYPE = 'application/cloudevents-batch+json';

/** What a codec knows of one event type. */
export interface EventDescription {
  readonly version: number;
  /** Whose subjects it may stand on; any when absent. */
  readonly aggregate?: Aggregate;
  readonly schema: z.ZodType;
}

/** The bytes in the log are not a commit that this version understands. */
export class UnreadableCommit extends Error {
  constructor(detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'UnreadableCommit';
  }
}

/** Where in the log a commit was read. */
export interface CommitPlace {
  readonly sequence: number;
  readonly aggregate: Aggregate;
  readonly aggregateId: string;
  readonly commitId: string;
}

export interface EventCodec {
  /**
   * A commit as one CloudEvents 1.0 JSON batch (architecture, section 2).
   * Fields that a schema does not describe are left out.
   * @throws Error when an event does not match its schema: nothing that cannot be read back is ever written
   */
  encode(commit: Commit, aggregate: Aggregate, aggregateId: string): Uint8Array;
  /**
   * Reads a batch back, events of older versions upcast to today's, each payload checked against its schema: whoever folds it may rely on
   * it, also when somebody else than Fornax wrote it.
   * @throws UnreadableCommit for whatever this version could not have written: no JSON, no batch, an unknown type or version, an event of
   * another aggregate or with another payload
   */
  decode(bytes: Uint8Array, at: CommitPlace): RecordedCommit;
}

interface Reader {
  readonly type: string;
  readonly aggregate: Aggregate | undefined;
  readonly schema: () => z.ZodType;
  readonly steps: readonly Upcast[];
}

/**
 * A schema as generated code, made when it is first needed. It checks a payload in a tenth of the time that walking the schema takes, and every
 * event of the log is read by every reader.
 */
const compiled = (schema: z.ZodType): (() => z.ZodType) => {
  let ready: z.ZodType | undefined;
  return () => (ready ??= z.compile(schema));
};

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder();

/** The reader of every stored version, by CloudEvents type. */
const readersOf = (
  catalogue: Readonly<Record<string, EventDescription>>,
  steps: Upcasters,
): ReadonlyMap<string, Reader> => {
  const readers = new Map<string, Reader>();
  for (const [type, { version, aggregate, schema }] of Object.entries(catalogue)) {
    const check = compiled(schema);
    for (let stored = 1; stored <= version; stored += 1) {
      const path: Upcast[] = [];
      for (let from = stored; from < version; from += 1) {
        const step = steps[type]?.[from];
        if (!step) throw new Error(`no upcaster for ${type} from version ${from}`);
        path.push(step);
      }
      readers.set(cloudEventType(type, stored), { type, aggregate, schema: check, steps: path });
    }
  }
  return readers;
};

export const cloudEventType = (type: string, version: number): string => `fornax.${type}.v${version}`;

/** Builds a codec over a catalogue of event types; `encodeCommit` and `decodeCommit` are the one over `eventSchemas`. */
export const createEventCodec = (
  catalogue: Readonly<Record<string, EventDescription>>,
  steps: Upcasters,
): EventCodec => {
  const readers = readersOf(catalogue, steps);
  const writers = new Map(Object.entries(catalogue).map(([type, { schema }]) => [type, compiled(schema)]));

  const encode = (commit: Commit, aggregate: Aggregate, aggregateId: string): Uint8Array => {
    const { meta } = commit;
    const time = new Date(commit.at).toISOString();
    const batch = commit.events.map(({ type, ...data }, index) => {
      const description = catalogue[type];
      const schema = writers.get(type);
      if (!description || !schema) throw new Error(`unknown event type ${type}`);
      const checked = schema().safeParse(data);
      if (!checked.success)
        throw new Error(`${type} does not match its schema: ${checked.error.message}`, { cause: checked.error });
      return {
        specversion: '1.0',
        id: `${commit.id}/${index}`,
        source: `/fornax/${meta.source}`,
        type: cloudEventType(type, description.version),
        subject: `${aggregate}/${aggregateId}`,
        time,
        datacontenttype: 'application/json',
        actor: meta.actor,
        ...(meta.onBehalfOf === undefined ? {} : { onbehalfof: meta.onBehalfOf }),
        ...(meta.reason === undefined ? {} : { reason: meta.reason }),
        correlationid: meta.correlationId,
        ...(meta.causationId === undefined ? {} : { causationid: meta.causationId }),
        ...(meta.traceparent === undefined ? {} : { traceparent: meta.traceparent }),
        ...(meta.leaderEpoch === undefined ? {} : { leaderepoch: meta.leaderEpoch }),
        data: checked.data,
      };
    });
    return textEncoder.encode(storable(JSON.stringify(batch)));
  };

  const eventOf = (stored: StoredEvent, at: CommitPlace): FornaxEvent => {
    const reader = readers.get(stored.type);
    if (!reader) throw new UnreadableCommit(`event type ${quoted(stored.type)} is not known to this version`);
    const { type, aggregate, schema, steps } = reader;
    if (aggregate !== undefined && aggregate !== at.aggregate)
      throw new UnreadableCommit(`${type} is an event of another aggregate than ${at.aggregate}`);
    let data: Record<string, unknown> = stored.data;
    try {
      for (const step of steps) data = step(data);
    } catch (cause) {
      throw new UnreadableCommit(`${type} cannot be brought to today's version`, { cause });
    }
    // The answer alone, for nothing is made of it; the reasons are looked for where there are any.
    if (!z.validate(schema(), data)) {
      const { error } = schema().safeParse(data);
      throw new UnreadableCommit(`${type} does not match its schema: ${error ? issuesOf(error) : 'it (invalid)'}`);
    }
    data['type'] = type; // the parsed object is ours: writing into it saves a copy of every event
    return data as unknown as FornaxEvent;
  };

  const decode = (bytes: Uint8Array, at: CommitPlace): RecordedCommit => {
    const batch = parseBatch(bytes, at);
    const [first] = batch;
    if (!first) throw new UnreadableCommit('the commit is empty');
    if (at.commitId === '') throw new UnreadableCommit('the commit has no id');
    return {
      id: at.commitId,
      events: batch.map((stored) => eventOf(stored, at)),
      meta: metaOf(first),
      at: Date.parse(first.time),
      sequence: at.sequence,
      aggregate: at.aggregate,
      aggregateId: at.aggregateId,
    };
  };

  return { encode, decode };
};

/** NUL and halves of surrogate pairs, as JSON.stringify writes them; what follows an odd number of backslashes is somebody's own text. */
const UNSTORABLE = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g;

/** Postgres holds neither of them: one in an event would stop every projection for good, so they become U+FFFD here. */
const storable = (json: string): string =>
  json.includes('\\u0000') || json.includes('\\ud') ? json.replace(UNSTORABLE, '$1\uFFFD') : json;

/** The part of a stored CloudEvent that is read back. */
interface StoredEvent {
  readonly type: string;
  readonly subject?: string;
  readonly source: string;
  readonly time: string;
  readonly actor: Actor;
  readonly onbehalfof?: Principal;
  readonly reason?: string;
  readonly correlationid: string;
  readonly causationid?: string;
  readonly traceparent?: string;
  readonly leaderepoch?: number;
  readonly data: Record<string, unknown>;
}

const MAX_QUOTED = 100;
/** Text of a stranger in one of ours. */
const quoted = (text: string): string => JSON.stringify(text.slice(0, MAX_QUOTED));

/** Where and what, without the values: they may be anything, and anybody's. */
const issuesOf = ({ issues }: z.ZodError): string =>
  issues
    .slice(0, 3)
    .map(({ path, code }) => `${path.map(String).join('.').slice(0, MAX_QUOTED) || 'it'} (${code})`)
    .join(', ');

const parseBatch = (bytes: Uint8Array, at: CommitPlace): readonly StoredEvent[] => {
  let parsed: unknown;
  try {
    // Also what somebody else wrote: Postgres would refuse it as much.
    parsed = JSON.parse(storable(textDecoder.decode(bytes)));
  } catch (cause) {
    throw new UnreadableCommit('it is not JSON', { cause });
  }
  if (!Array.isArray(parsed) || !parsed.every(isStoredEvent))
    throw new UnreadableCommit('it is not a CloudEvents batch');
  const subject = `${at.aggregate}/${at.aggregateId}`;
  if (parsed.some((event) => event.subject !== undefined && event.subject !== subject))
    throw new UnreadableCommit('it tells of another aggregate than its subject');
  return parsed;
};

const isTextOrAbsent = (value: unknown): boolean => value === undefined || typeof value === 'string';
const isNumberOrAbsent = (value: unknown): boolean => value === undefined || typeof value === 'number';

const isStoredEvent = (value: unknown): value is StoredEvent => {
  if (typeof value !== 'object' || value === null) return false;
  const event = value as Readonly<Record<string, unknown>>;
  const { data, time } = event;
  return (
    ['type', 'source', 'actor', 'correlationid'].every((name) => typeof event[name] === 'string') &&
    typeof time === 'string' &&
    !Number.isNaN(Date.parse(time)) &&
    ['subject', 'onbehalfof', 'reason', 'causationid', 'traceparent'].every((name) => isTextOrAbsent(event[name])) &&
    isNumberOrAbsent(event['leaderepoch']) &&
    typeof data === 'object' &&
    data !== null &&
    !Array.isArray(data)
  );
};

const metaOf = (event: StoredEvent): CommitMeta => ({
  actor: event.actor,
  ...(event.onbehalfof === undefined ? {} : { onBehalfOf: event.onbehalfof }),
  ...(event.reason === undefined ? {} : { reason: event.reason }),
  source: event.source.replace(/^\/fornax\//, ''),
  correlationId: event.correlationid,
  ...(event.causationid === undefined ? {} : { causationId: event.causationid }),
  ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
  ...(event.leaderepoch === undefined ? {} : { leaderEpoch: event.leaderepoch }),
});

const codec = createEventCodec(eventSchemas, upcasters);

/** {@link EventCodec.encode} over every event of Fornax. */
export const encodeCommit = (commit: Commit, aggregate: Aggregate, aggregateId: string): Uint8Array =>
  codec.encode(commit, aggregate, aggregateId);
/** {@link EventCodec.decode} over every event of Fornax. */
export const decodeCommit = (bytes: Uint8Array, at: CommitPlace): RecordedCommit => codec.decode(bytes, at);
