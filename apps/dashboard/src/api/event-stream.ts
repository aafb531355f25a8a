import { EventSourceParserStream } from 'eventsource-parser/stream';
import { refuse, Refused } from './client.ts';
import { inFlight, NotAnswering } from './in-flight.ts';
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
/** A page that is left for no longer than this stays connected. */
const LEFT_MS = 5_000;

/** What came all at once is read in slices: between them the page takes what is typed, and paints. */
const SLICE_MS = 12;

/** Resolves when an event comes, or the signal is aborted. */
const eventOn = (target: EventTarget, type: string, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      target.removeEventListener(type, done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    target.addEventListener(type, done);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });

const pause = (ms: number, signal: AbortSignal): Promise<void> => eventOn(AbortSignal.timeout(ms), 'abort', signal);

/** Waits until somebody looks at the page. */
const isLookedAt = async (signal: AbortSignal): Promise<void> => {
  while (document.hidden && !signal.aborted) await eventOn(document, 'visibilitychange', signal);
};

/** Calls back when nobody has looked at the page for a while. @returns what ends it */
const whenLeft = (left: () => void): (() => void) => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(left, LEFT_MS);
  };
  document.addEventListener('visibilitychange', look);
  look();
  return () => {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', look);
  };
};

/**
 * Follows a stream of Server-Sent Events until `end`, over as many connections as it takes: each goes on behind the last message that was read. What the
 * platform refuses is not asked for again. A page that nobody looks at holds no connection: all tabs of a browser share six where they speak HTTP/1.1.
 */
export const followStream = async ({ path, signal, onMessage, onConnected }: Following): Promise<void> => {
  let lastId: string | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    await isLookedAt(signal);
    const flight = inFlight.begin();
    const left = new AbortController();
    const forget = whenLeft(() => left.abort());
    const silence = silenceOf(SILENT_MS, signal, flight.signal, left.signal);
    const heard = (): void => {
      silence.heard();
      flight.answered();
      reach.heard();
    };
    try {
      const headers = { ...readAsHeaders, ...(lastId === undefined ? {} : { 'last-event-id': lastId }) };
      const response = await fetch(path, { headers, signal: silence.signal });
      if (!response.ok) refuse(response.status, await response.json().catch(() => undefined));
      heard();
      onConnected?.(true);
      pauseMs = FIRST_PAUSE_MS;
      const body = response.body === null ? undefined : heardBody(response.body, { heard, end: silence.end });
      const messages = body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
      const reader = messages?.getReader();
      let sliceFrom = performance.now();
      for (let read = await reader?.read(); read !== undefined && !read.done; read = await reader?.read()) {
        const { id, event = 'message', data } = read.value;
        lastId = id ?? lastId;
        onMessage({ event, data });
        if (event === 'end') return;
        if (performance.now() - sliceFrom < SLICE_MS) continue;
        await new Promise((resolve) => setTimeout(resolve));
        sliceFrom = performance.now();
      }
    } catch (error) {
      if (signal.aborted || (error instanceof Refused && error.status < 500)) return;
      if (left.signal.aborted) continue;
      if (!(error instanceof NotAnswering)) reach.doubt();
    } finally {
      silence.end();
      flight.end();
      forget();
    }
    onConnected?.(false);
    await pause(pauseMs, signal);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
};
