import { randomUUID } from 'node:crypto';
import { STREAMS, allEventsSubject, allRestoreSubject, allRestoringSubject, restoringSubject } from '@fornax/contracts';
import { headers as newHeaders, nanos, type Msg, type NatsConnection } from '@nats-io/nats-core';
import { JetStreamApiError, type JetStreamManager, type StreamConfig, type StreamInfo } from '@nats-io/jetstream';
import { z } from 'zod';
import {
  RESTORING,
  describeEpoch,
  isBeingRestored,
  eventStream,
  managerOf,
  type EnsureStreamsOptions,
} from '../jetstream/streams.js';
import { type ArchivedMessage, decodeRecords, headerOf, withoutLeft } from './archived-message.js';

const STREAM_NOT_FOUND = 10059;
const TIMEOUT_MS = 10_000;
/** The shortest that the server allows: no two commits of a log have one id. */
const SHORT_MS = 100;
const LONG_MS = 120_000;
/** A message that keeps the place of one that was lost before it was archived, until all are there. */
export const FILLER = 'Fx-Filler';

/** `first`: what lies before has left the log. */
const beginSchema = z.strictObject({ epoch: z.uuid(), first: z.int().min(1).default(1) });
const finishSchema = z.strictObject({ epoch: z.uuid(), to: z.int().min(1) });
const ackSchema = z.object({ seq: z.int().optional(), error: z.object({ description: z.string() }).optional() });

/**
 * Puts a lost log back, for who may neither make a stream nor write other aggregates than its own. A log that holds anything is never replaced, unless
 * it is what an earlier try left. Until the last step the stream has another epoch, so nobody takes it for the log, and listens elsewhere, so nobody else
 * writes into it (ADR 0129).
 */
export class RestoredStream {
  private restoring: { readonly epoch: string; readonly first: number; readonly fillers: number[] } | undefined;

  constructor(
    private readonly nc: NatsConnection,
    private readonly options: EnsureStreamsOptions = {},
  ) {}

  /** Begins anew with an empty stream. @throws Error the log is not lost */
  async begin(body: unknown): Promise<object> {
    const { epoch, first } = beginSchema.parse(body);
    const jsm = await managerOf(this.nc);
    const present = await infoOf(jsm);
    if (present !== undefined) {
      const { config, state } = present;
      if (state.last_seq > 0 && !isBeingRestored(config))
        throw new Error(
          `the event log is not lost: it holds ${state.messages} commits, up to sequence ${state.last_seq}. Nothing was changed`,
        );
      await jsm.streams.delete(STREAMS.events);
    }
    const { config } = await jsm.streams.add({
      ...eventStream(),
      subjects: [allRestoringSubject],
      subject_transform: { src: allRestoringSubject, dest: allEventsSubject },
      description: describeEpoch(randomUUID()),
      metadata: { [RESTORING]: epoch },
      num_replicas: this.options.replicas ?? 1,
      duplicate_window: nanos(SHORT_MS),
      deny_delete: false,
      ...(first === 1 ? {} : { first_seq: first }),
    });
    if (config.subject_transform === undefined) {
      await jsm.streams.delete(STREAMS.events);
      throw new Error('a lost log is put back by nats-server 2.10 or later only');
    }
    this.restoring = { epoch, first, fillers: [] };
    return {};
  }

  /** Appends the next message as it was. The server compares its sequence, so that none behind one that failed is taken. */
  async append(data: Uint8Array): Promise<object> {
    const [message] = decodeRecords(Buffer.from(data));
    if (this.restoring === undefined || message === undefined) throw new Error('nothing is being restored: begin anew');
    const subject = restoringSubject(message.subject);
    if (headerOf(message, FILLER) !== '') this.restoring.fillers.push(message.sequence);
    const reply = await this.nc.request(subject, message.data, {
      headers: headersOf(message, this.restoring.first),
      timeout: TIMEOUT_MS,
    });
    const { seq, error } = ackSchema.parse(reply.json());
    if (error !== undefined || seq !== message.sequence)
      throw new Error(
        `message ${message.sequence} was not taken: ${error?.description ?? `it came to sequence ${seq ?? 0}`}`,
      );
    return {};
  }

  /** Makes it the log: removes what kept places of lost messages, and gives it its epoch. */
  async finish(body: unknown): Promise<object> {
    const { epoch, to } = finishSchema.parse(body);
    if (this.restoring?.epoch !== epoch) throw new Error('this log is not being restored: begin anew');
    const jsm = await managerOf(this.nc);
    const { state } = await jsm.streams.info(STREAMS.events);
    if (state.last_seq !== to) throw new Error(`the log ends at ${state.last_seq}, and not at ${to}: begin anew`);
    for (const sequence of this.restoring.fillers) await jsm.streams.deleteMessage(STREAMS.events, sequence, false);
    const { duplicate_window: _, description: __, ...config } = eventStream();
    // The client leaves out what is undefined, and the server what is left out.
    const asBefore = { subject_transform: undefined } as unknown as Pick<StreamConfig, 'subject_transform'>;
    await jsm.streams.update(STREAMS.events, {
      ...config,
      ...asBefore,
      description: describeEpoch(epoch),
      metadata: {},
      duplicate_window: nanos(LONG_MS),
    });
    this.restoring = undefined;
    return {};
  }
}

const infoOf = async (jsm: JetStreamManager): Promise<StreamInfo | undefined> => {
  try {
    return await jsm.streams.info(STREAMS.events);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return undefined;
    throw error;
  }
};

/** What the server does when it takes a message is said by its headers: those of commits alone are sent again. */
const isKept = (name: string): boolean =>
  !/^nats-/i.test(name) || ['nats-msg-id', 'nats-expected-last-subject-sequence'].includes(name.toLowerCase());

const headersOf = (message: ArchivedMessage, first: number) => {
  const found = newHeaders();
  for (const [name, value] of withoutLeft(message, first).headers) if (isKept(name)) found.append(name, value);
  found.set('Nats-Expected-Last-Sequence', String(message.sequence - 1));
  return found;
};

const stepOf = (stream: RestoredStream, { subject, data }: Msg): Promise<object> => {
  if (subject.endsWith('.append')) return stream.append(data);
  const body: unknown = JSON.parse(Buffer.from(data).toString('utf8'));
  return subject.endsWith('.begin') ? stream.begin(body) : stream.finish(body);
};

/** Answers whoever may put a log back, until the connection ends. Appends are sent on in the order in which they come. */
export const serveRestores = (nc: NatsConnection, stream: RestoredStream): void => {
  nc.subscribe(allRestoreSubject, {
    callback: (error, message) => {
      if (error) return;
      const respond = (answer: object): void => void (nc.isClosed() || message.respond(JSON.stringify(answer)));
      new Promise<object>((resolve) => resolve(stepOf(stream, message))).then(
        () => respond({ ok: {} }),
        (reason: unknown) => respond({ error: reason instanceof Error ? reason.message : String(reason) }),
      );
    },
  });
};
