import { ApiError, messageOf } from './api-error.js';
import { delay } from './delay.js';
import { isPassing, type OnAway } from './patience.js';
import { Unreachable } from './whole-answer.js';

/** A piece of output of one instance. */
export interface OutputPiece {
  readonly instance: number;
  readonly attempt: number;
  /** Of its first byte, within the output of the attempt. */
  readonly offset: number;
  readonly data: Uint8Array;
}

/** What a tail tells. `reset`: what was shown so far may be followed by the same again, or by a gap; the reason says which. */
export type TailEvent =
  | { readonly type: 'piece'; readonly piece: OutputPiece }
  | { readonly type: 'reset'; readonly reason: string }
  | { readonly type: 'end' };

export interface TailOptions {
  readonly url: string;
  /** Who asks. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Told that there is no connection, once for each time. */
  readonly onAway?: OnAway | undefined;
}

interface Message {
  readonly type: string;
  readonly id: string | undefined;
  readonly data: string;
}

const RETRY_MS = 1_000;
/** The platform says something every 15 seconds; a connection that is silent for much longer is none. */
const SILENCE_MS = 60_000;

/**
 * Follows a tail until its end, over as many connections as that takes: each goes on behind the last event that was read.
 * @throws ApiError the platform says no; the signal's reason when it aborts
 */
export async function* followTail(options: TailOptions): AsyncGenerator<TailEvent, void, undefined> {
  let lastId: string | undefined;
  let failures = 0;
  for (;;) {
    try {
      for await (const { type, id, data } of connection(options, lastId)) {
        failures = 0;
        lastId = id ?? lastId;
        const event = eventOf(type, data);
        if (event) yield event;
        if (event?.type === 'end') return;
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      failures += 1;
      // A no is final; a broken connection is not.
      if (error instanceof ApiError && !isPassing(error, failures)) throw error;
      if (failures === 1) options.onAway?.(reachable(error, options.url));
    }
    await delay(RETRY_MS, options.signal);
  }
}

/** `fetch` hides the reason in its cause. */
const reachable = (error: unknown, url: string): unknown => {
  if (error instanceof ApiError || !(error instanceof Error)) return error;
  const { message } = error.cause instanceof Error && error.cause.message !== '' ? error.cause : error;
  return new Unreachable(`${new URL(url).origin} cannot be reached: ${message}`);
};

const eventOf = (type: string, data: string): TailEvent | undefined => {
  const value = JSON.parse(data) as Readonly<Record<string, unknown>>;
  if (type === 'end') return { type };
  if (type === 'reset') return { type, reason: String(value['reason']) };
  if (type !== 'message') return undefined; // of a later version
  const { instance, attempt, offset, text, base64 } = value;
  const bytes = typeof text === 'string' ? Buffer.from(text) : Buffer.from(String(base64), 'base64');
  return {
    type: 'piece',
    piece: { instance: Number(instance), attempt: Number(attempt), offset: Number(offset), data: bytes },
  };
};

async function* connection(
  { url, headers, signal }: TailOptions,
  lastId: string | undefined,
): AsyncGenerator<Message, void, undefined> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new Error('the tail is silent')), SILENCE_MS);
  try {
    const response = await fetch(url, {
      headers: {
        ...headers,
        accept: 'text/event-stream',
        ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
      },
      signal: signal ? AbortSignal.any([signal, silence.signal]) : silence.signal,
    });
    if (!response.ok || !response.body) {
      const answer = await response.text();
      throw new ApiError(response.status, messageOf(answer, response.status), answer);
    }
    yield* messagesOf(response.body, () => timer.refresh());
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** Server-sent events as the platform writes them: one line of data each. */
async function* messagesOf(
  body: ReadableStream<Uint8Array>,
  onData: () => void,
): AsyncGenerator<Message, void, undefined> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of body) {
    onData();
    text += decoder.decode(bytes, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line) => {
          const at = line.indexOf(': ');
          return [line.slice(0, at), line.slice(at + 2)];
        }),
      );
      const data = fields.get('data');
      if (data !== undefined) yield { type: fields.get('event') ?? 'message', id: fields.get('id'), data };
    }
  }
}
