import type { Aggregate } from '../subjects.js';
import type { Actor, Commit, CommitMeta, FornaxEvent, Principal, RecordedCommit } from './commit.js';
import type { z } from 'zod';
import { eventSchemas } from './schemas.js';
import { upcasters, type Upcast, type Upcasters } from './upcasters.js';

export const COMMIT_CONTENT_TYPE = 'application/cloudevents-batch+json';

/** What a codec knows of one event type. */
export interface EventDescription {
  readonly version: number;
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
   * Reads a batch back, events of older versions upcast to today's. Trusts the payloads, which were checked when they were written,
   * so that a replay costs little more than parsing JSON.
   * @throws UnreadableCommit for an unknown type or version, or a malformed envelope
   */
  decode(bytes: Uint8Array, at: CommitPlace): RecordedCommit;
}

interface Reader {
  readonly type: string;
  readonly steps: readonly Upcast[];
}

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder();

/** The reader of every stored version, by CloudEvents type. */
const readersOf = (
  catalogue: Readonly<Record<string, EventDescription>>,
  steps: Upcasters,
): ReadonlyMap<string, Reader> => {
  const readers = new Map<string, Reader>();
  for (const [type, { version }] of Object.entries(catalogue)) {
    for (let stored = 1; stored <= version; stored += 1) {
      const path: Upcast[] = [];
      for (let from = stored; from < version; from += 1) {
        const step = steps[type]?.[from];
        if (!step) throw new Error(`no upcaster for ${type} from version ${from}`);
        path.push(step);
      }
      readers.set(cloudEventType(type, stored), { type, steps: path });
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

  const encode = (commit: Commit, aggregate: Aggregate, aggregateId: string): Uint8Array => {
    const { meta } = commit;
    const time = new Date(commit.at).toISOString();
    const batch = commit.events.map(({ type, ...data }, index) => {
      const description = catalogue[type];
      if (!description) throw new Error(`unknown event type ${type}`);
      const checked = description.schema.safeParse(data);
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

  const eventOf = (stored: StoredEvent): FornaxEvent => {
    const reader = readers.get(stored.type);
    if (!reader) throw new UnreadableCommit(`event type ${stored.type} is not known to this version`);
    let data: Record<string, unknown> = stored.data;
    for (const step of reader.steps) data = step(data);
    data['type'] = reader.type; // the parsed object is ours: writing into it saves a copy of every event
    return data as unknown as FornaxEvent;
  };

  const decode = (bytes: Uint8Array, at: CommitPlace): RecordedCommit => {
    const batch = parseBatch(bytes, at);
    const [first] = batch;
    if (!first) throw new UnreadableCommit(`commit at sequence ${at.sequence} is empty`);
    return {
      id: at.commitId,
      events: batch.map(eventOf),
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

const parseBatch = (bytes: Uint8Array, at: CommitPlace): readonly StoredEvent[] => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(textDecoder.decode(bytes));
  } catch (cause) {
    throw new UnreadableCommit(`commit at sequence ${at.sequence} is not JSON`, { cause });
  }
  if (!Array.isArray(parsed) || !parsed.every(isStoredEvent)) {
    throw new UnreadableCommit(`commit at sequence ${at.sequence} is not a CloudEvents batch`);
  }
  return parsed;
};

const isStoredEvent = (value: unknown): value is StoredEvent =>
  typeof value === 'object' &&
  value !== null &&
  'type' in value &&
  typeof value.type === 'string' &&
  'time' in value &&
  'data' in value &&
  typeof value.data === 'object' &&
  value.data !== null;

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
