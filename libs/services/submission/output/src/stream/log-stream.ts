import { STREAMS, taskLogsSubject } from '@fornax/contracts';
import { eachLimited } from '@fornax/base';
import { openReader, type Nats } from '@fornax/event-store';
import { z } from 'zod';

/** The last message of output that was stored. */
export interface FeedPlace {
  /** 0 for none. */
  readonly sequence: number;
  /** When it was sent, in nanoseconds; 0 when that is not known. */
  readonly sentNs: bigint;
}

/** Where reading goes on. */
export interface FeedStart {
  readonly consumer: string;
  /** Last message before. */
  readonly sequence: number;
  /** The stream has lost messages that were stored, and gives their numbers to others (it does not wait for the disk). */
  readonly hasGoneBack: boolean;
}

const API_TIMEOUT_MS = 5_000;
const NO_MESSAGE_FOUND = 10037;

const apiError = z.object({ error: z.object({ err_code: z.number().optional(), description: z.string() }) });
const streamReply = z.object({ created: z.string(), state: z.object({ first_seq: z.number(), last_seq: z.number() }) });
const messageReply = z.object({ message: z.object({ seq: z.number(), time: z.string() }) });

const ask = async (nats: Nats, subject: string, body: object): Promise<unknown> =>
  (await nats.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: API_TIMEOUT_MS })).json();

const parsed = <S extends z.ZodType>(schema: S, reply: unknown): z.output<S> => {
  const failure = apiError.safeParse(reply);
  if (failure.success) throw new Error(failure.data.error.description);
  return schema.parse(reply);
};

const streamInfo = async (nats: Nats): Promise<z.output<typeof streamReply>> =>
  parsed(streamReply, await ask(nats, `STREAM.INFO.${STREAMS.logs}`, {}));

const message = async (nats: Nats, which: object): Promise<z.output<typeof messageReply>['message'] | undefined> => {
  const reply = await ask(nats, `STREAM.MSG.GET.${STREAMS.logs}`, which);
  const failure = apiError.safeParse(reply);
  if (failure.success && failure.data.error.err_code === NO_MESSAGE_FOUND) return undefined;
  return parsed(messageReply, reply).message;
};

/** Which stream this is (another one after a wipe), and its last message's sequence. */
export const logStreamHead = async (nats: Nats): Promise<{ readonly epoch: string; readonly sequence: number }> => {
  const { created, state } = await streamInfo(nats);
  return { epoch: created, sequence: state.last_seq };
};

/** Sequence of the newest message on a subject, which may hold wildcards; 0 when there is none. About 0.5 ms. */
export const lastLogSequence = async (nats: Nats, subject: string): Promise<number> =>
  (await message(nats, { last_by_subj: subject }))?.seq ?? 0;

const purgeReply = z.object({ success: z.literal(true) });
const PURGED_AT_ONCE = 16;

/** Takes all output of tasks out of the stream, whether it was read or not. Safe to repeat. */
export const purgeOutput = async (nats: Nats, taskIds: readonly string[]): Promise<void> => {
  await eachLimited(taskIds, PURGED_AT_ONCE, async (taskId) => {
    parsed(purgeReply, await ask(nats, `STREAM.PURGE.${STREAMS.logs}`, { filter: taskLogsSubject(taskId) }));
  });
};

/** `2026-01-31T12:00:00.123456789Z`, with up to nine digits behind the point. */
const nanosOf = (time: string): bigint => {
  const [, seconds = '', fraction = ''] = /^(.*?)(?:\.(\d{1,9}))?Z$/.exec(time) ?? [];
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
};

const timeOf = (ns: bigint): string =>
  `${new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, 19)}.${String(ns % 1_000_000_000n).padStart(9, '0')}Z`;

/** Whether the stream no longer holds the message at a place although it should. */
const hasGoneBack = async (nats: Nats, { sequence, sentNs }: FeedPlace): Promise<boolean> => {
  if (sequence === 0) return false;
  const { state } = await streamInfo(nats);
  if (sequence > state.last_seq) return true;
  if (sequence < state.first_seq || sentNs === 0n) return false;
  const there = await message(nats, { seq: sequence });
  return there !== undefined && nanosOf(there.time) !== sentNs;
};

/** A consumer without acknowledgements that begins behind a place. */
export const startBehind = async (nats: Nats, place: FeedPlace): Promise<FeedStart> => {
  const isBack = await hasGoneBack(nats, place);
  const { name: consumer, pending } = await openReader(nats, {
    stream: STREAMS.logs,
    reader: 'submission',
    from:
      isBack && place.sentNs > 0n ? { time: timeOf(place.sentNs + 1n) } : { sequence: isBack ? 1 : place.sequence + 1 },
  });
  if (!isBack) return { consumer, sequence: place.sequence, hasGoneBack: false };
  const { state } = await streamInfo(nats);
  return { consumer, sequence: Math.max(0, state.last_seq - pending), hasGoneBack: true };
};
