import { randomUUID } from 'node:crypto';
import { type Msg, type NatsConnection, NoRespondersError, RequestError, nanos } from '@nats-io/nats-core';
import { AckPolicy, type ConsumerConfig, DeliverPolicy, type JetStreamManager, ReplayPolicy } from '@nats-io/jetstream';
import {
  CONTROL_SERVICES,
  SERVICE_RIGHTS,
  STREAMS,
  allConsumerRequests,
  dispatchSubjectOfConsumer,
  durableRequestSubject,
  readerRequestSubject,
} from '@fornax/contracts';
import { z } from 'zod';
import { leftNow } from './left-prefix.js';
import { StoredMessages } from './stored-messages.js';
import { managerOf } from './streams.js';

export interface ReaderOptions {
  readonly stream: string;
  /** First word of the consumer's name, for people. */
  readonly reader: string;
  readonly filterSubject?: string;
  /** First message wanted: by its place, or by when the stream took it (RFC 3339). */
  readonly from: { readonly sequence: number } | { readonly time: string };
}

/** A consumer without acknowledgements that the server forgets after a minute without requests. */
export interface Reader {
  readonly name: string;
  /** Messages that wait for it. */
  readonly pending: number;
}

export interface DurableOptions {
  readonly stream: string;
  readonly durable: string;
  readonly filterSubject: string;
  /** A message that is not acknowledged within this time is given out again. Default 30 s. */
  readonly ackWaitMs?: number;
}

const TIMEOUT_MS = 5_000;
const DEFAULT_ACK_WAIT_MS = 30_000;
const MAX_ACK_PENDING = 10_000;
const READER_MEMORY_MS = 60_000;

// Whoever asks is not trusted: what it says becomes part of subjects of the maker.
const token = z.string().regex(/^[\w%~!'()-]{1,256}$/);
const subject = z.string().regex(/^[\x21-\x7e]{1,1024}$/);
const readerRequest = z.strictObject({
  reader: z.string().regex(/^[a-z0-9-]{1,64}$/),
  filterSubject: subject.optional(),
  from: z.union([
    z.strictObject({ sequence: z.int().min(1) }),
    z.strictObject({ time: z.string().regex(/^[\dT:.-]{19,29}Z$/) }),
  ]),
});
const durableRequest = z.strictObject({
  filterSubject: subject,
  ackWaitMs: z.int().min(100).max(3_600_000).optional(),
});
const readerAnswer = z.object({ ok: z.object({ name: z.string(), pending: z.number() }) });
const durableAnswer = z.object({ ok: z.object({}) });
const failure = z.object({ error: z.string() });
const left = z.object({ left: z.int() });

const startAt = (from: ReaderOptions['from']): Partial<ConsumerConfig> =>
  'time' in from
    ? { deliver_policy: DeliverPolicy.StartTime, opt_start_time: from.time }
    : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from.sequence };

/** What a reader of the event log wants has left it: it is read from the archive up to there. */
export class HasLeft extends Error {
  constructor(readonly to: number) {
    super(`commits up to ${to} have left the event log`);
    this.name = 'HasLeft';
  }
}

/**
 * The consumer comes first, then it is asked what has left. So whoever takes commits out of the log, who looks for consumers once the log says what has
 * left, sees each one that was made for any of it.
 * @throws HasLeft
 */
const addReader = async (nc: NatsConnection, jsm: JetStreamManager, options: ReaderOptions): Promise<Reader> => {
  const made = await addConsumer(jsm, options);
  const { stream, from } = options;
  if (stream !== STREAMS.events) return made;
  const { to } = await leftNow(new StoredMessages(nc, STREAMS.events));
  if (to === 0 || ('sequence' in from && from.sequence > to)) return made;
  await jsm.consumers.delete(stream, made.name);
  throw new HasLeft(to);
};

/** Whether it wants what has left the log or not: for whoever owns the streams. */
export const addConsumer = async (
  jsm: JetStreamManager,
  { stream, reader, filterSubject, from }: ReaderOptions,
): Promise<Reader> => {
  const { name, num_pending: pending } = await jsm.consumers.add(stream, {
    name: `${reader}-${randomUUID()}`,
    ack_policy: AckPolicy.None,
    ...startAt(from),
    replay_policy: ReplayPolicy.Instant,
    ...(filterSubject === undefined ? {} : { filter_subject: filterSubject }),
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: nanos(READER_MEMORY_MS),
  });
  return { name, pending };
};

const addDurable = async (jsm: JetStreamManager, options: DurableOptions): Promise<void> => {
  const { stream, durable, filterSubject, ackWaitMs = DEFAULT_ACK_WAIT_MS } = options;
  await jsm.consumers.add(stream, {
    durable_name: durable,
    filter_subject: filterSubject,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(ackWaitMs),
    max_ack_pending: MAX_ACK_PENDING,
  });
};

/** Connections whose user turned out to be its own maker: nobody else is there, and it may. */
const ownMakers = new WeakSet<NatsConnection>();

const isUnanswered = (error: unknown): boolean =>
  error instanceof NoRespondersError || (error instanceof RequestError && error.isNoResponders());

/** Asks whoever makes consumers; makes it itself where nobody does, which works only for the user that owns everything. */
const askOrMake = async <T>(
  nc: NatsConnection,
  request: { readonly subject: string; readonly body: object; readonly answer: z.ZodType<{ readonly ok: T }> },
  make: (jsm: JetStreamManager) => Promise<T>,
): Promise<T> => {
  if (!ownMakers.has(nc)) {
    try {
      const reply: unknown = (
        await nc.request(request.subject, JSON.stringify(request.body), { timeout: TIMEOUT_MS })
      ).json();
      const failed = failure.safeParse(reply);
      if (failed.success) throw new Error(`no consumer: ${failed.data.error}`);
      const gone = left.safeParse(reply);
      if (gone.success) throw new HasLeft(gone.data.left);
      return request.answer.parse(reply).ok;
    } catch (error) {
      if (!isUnanswered(error)) throw error;
    }
  }
  const made = await make(await managerOf(nc));
  ownMakers.add(nc);
  return made;
};

/** A consumer to read a stream with, from a place on. @throws HasLeft */
export const openReader = (nc: NatsConnection, options: ReaderOptions): Promise<Reader> => {
  const { stream, ...body } = options;
  return askOrMake(nc, { subject: readerRequestSubject(stream), body, answer: readerAnswer }, (jsm) =>
    addReader(nc, jsm, options),
  );
};

/** Makes a durable pull consumer with explicit acknowledgements unless it exists. Safe to repeat. */
export const makeDurable = async (nc: NatsConnection, options: DurableOptions): Promise<void> => {
  const { stream, durable, ...body } = options;
  await askOrMake(nc, { subject: durableRequestSubject(stream, durable), body, answer: durableAnswer }, async (jsm) => {
    await addDurable(jsm, options);
    return {};
  });
};

/** The durable consumers that there may be: one for each node's orders, and those of the table of rights. */
const isKnown = ({ stream, durable, filterSubject }: DurableOptions): boolean =>
  stream === STREAMS.dispatch
    ? filterSubject === dispatchSubjectOfConsumer(durable)
    : CONTROL_SERVICES.flatMap((service) => SERVICE_RIGHTS[service].takes).some(
        (taken) => taken.stream === stream && taken.durable === durable && taken.filter === filterSubject,
      );

const answerOf = async (nc: NatsConnection, jsm: JetStreamManager, { subject: asked, data }: Msg): Promise<object> => {
  const [, , kind, stream = '', durable = ''] = asked.split('.');
  const body: unknown = JSON.parse(Buffer.from(data).toString('utf8'));
  if (kind === 'read') {
    const { filterSubject, ...rest } = readerRequest.parse(body);
    return addReader(nc, jsm, { stream, ...rest, ...(filterSubject === undefined ? {} : { filterSubject }) });
  }
  const { filterSubject, ackWaitMs } = durableRequest.parse(body);
  const options = {
    stream,
    durable: token.parse(durable),
    filterSubject,
    ...(ackWaitMs === undefined ? {} : { ackWaitMs }),
  };
  if (!isKnown(options)) throw new Error(`there is no consumer ${durable} of ${stream} for ${filterSubject}`);
  await addDurable(jsm, options);
  return {};
};

/**
 * Makes consumers for those who may not: a consumer may deliver to any subject of the account that owns its stream, which the server does not
 * check, so whoever may make one may write and delete everything. These only ever wait to be asked. What may be read by whom says the table
 * of rights: a service reaches the requests of its own streams alone. Ends with the connection.
 */
export const makeConsumersFor = async (nc: NatsConnection): Promise<void> => {
  const jsm = await managerOf(nc);
  nc.subscribe(allConsumerRequests, {
    queue: 'consumer-maker',
    callback: (error, message) => {
      if (error) return;
      const respond = (answer: object): void => void (nc.isClosed() || message.respond(JSON.stringify(answer)));
      answerOf(nc, jsm, message).then(
        (ok) => respond({ ok }),
        (reason: unknown) =>
          respond(
            reason instanceof HasLeft
              ? { left: reason.to }
              : { error: reason instanceof Error ? reason.message : String(reason) },
          ),
      );
    },
  });
  await nc.flush();
};
