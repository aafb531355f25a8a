import { EventSourceParserStream } from 'eventsource-parser/stream';
import { refuse, Refused } from './client.ts';
import { reach } from './reach.ts';
import { readAsHeaders } from './read-as.ts';
import { heardBody, silenceOf } from './silence.ts';

export interface StreamMessage {
  readonly event: string;
  readonly data: string;
}

export interface Following {
  readonly path: string;
  readonly signal: AbortSignal;
  readonly onMessage: (message: StreamMessage) => void;
  /** Told when the connection is there, and when it is lost. */
  readonly onConnected?: (isConnected: boolean) => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** More than two signs of life, one each 15 s: a stream that is silent for so long is opened anew. */
const SILENT_MS = 35_000;

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });

/**
 * Follows a stream of Server-Sent Events until `end`, over as many connections as it takes: each goes on behind the last message that was read. What the
 * platform refuses is not asked for again.
 */
export const followStream = async ({ path, signal, onMessage, onConnected }: Following): Promise<void> => {
  let lastId: string | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    const silence = silenceOf(SILENT_MS, signal);
    try {
      const headers = { ...readAsHeaders, ...(lastId === undefined ? {} : { 'last-event-id': lastId }) };
      const response = await fetch(path, { headers, signal: silence.signal });
      if (!response.ok) refuse(response.status, await response.json().catch(() => undefined));
      silence.heard();
      reach.heard();
      onConnected?.(true);
      pauseMs = FIRST_PAUSE_MS;
      const heard = (): void => {
        silence.heard();
        reach.heard();
      };
      const body = response.body === null ? undefined : heardBody(response.body, { heard, end: silence.end });
      const messages = body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
      const reader = messages?.getReader();
      for (let read = await reader?.read(); read !== undefined && !read.done; read = await reader?.read()) {
        const { id, event = 'message', data } = read.value;
        lastId = id ?? lastId;
        onMessage({ event, data });
        if (event === 'end') return;
      }
    } catch (error) {
      if (signal.aborted || (error instanceof Refused && error.status < 500)) return;
      reach.doubt();
    } finally {
      silence.end();
    }
    onConnected?.(false);
    await pause(pauseMs, signal);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
};
