import { inFlight } from './in-flight.ts';
import { silenceOf } from './silence.ts';
import { readAsHeaders } from './read-as.ts';

/** The request by which the platform is asked whether it answers at all. */
const LIGHT_REQUEST = '/fornax/v1/me';
/** So long it has for its answer. */
const ANSWER_MS = 6_000;
/** How often a platform that does not answer is asked again. */
const AGAIN_MS = 3_000;
/** What stands before a platform answers so where it does not; so does a part of it that is not there. */
const NO_ANSWER: ReadonlySet<number> = new Set([502, 503, 504]);

let isAnswering = true;
let heardAt = performance.now();
let isAsking = false;
let next: ReturnType<typeof setTimeout> | undefined;
const watchers = new Set<() => void>();

const tell = (answers: boolean): void => {
  if (answers) heardAt = performance.now();
  if (answers === isAnswering) return;
  isAnswering = answers;
  if (answers) inFlight.cutUnanswered();
  for (const watcher of watchers) watcher();
};

/** What came of the light request; `silence`: nothing at all. */
type Said = 'yes' | 'no' | 'silence';

const answers = async (): Promise<Said> => {
  const silence = silenceOf(ANSWER_MS);
  try {
    const { status } = await fetch(LIGHT_REQUEST, {
      headers: readAsHeaders,
      signal: silence.signal,
      cache: 'no-store',
    });
    return NO_ANSWER.has(status) ? 'no' : 'yes';
  } catch {
    return 'silence';
  } finally {
    silence.end();
  }
};

const ask = async (): Promise<void> => {
  if (isAsking) return;
  isAsking = true;
  clearTimeout(next);
  const since = performance.now();
  const said = await answers();
  // A light request that is late says nothing where others were answered meanwhile.
  if (said === 'yes' || heardAt <= since) {
    tell(said === 'yes');
    // They may be what holds every connection, so that the next question could not leave.
    if (said === 'silence') inFlight.cut();
  }
  isAsking = false;
  if (!isAnswering) next = setTimeout(() => void ask(), AGAIN_MS);
};

/** Whether the platform answers, as one place knows it for every page: one light request decides. */
export const reach = {
  isAnswering: (): boolean => isAnswering,
  /** Milliseconds since the platform last said anything. */
  silentMs: (): number => performance.now() - heardAt,
  /** Something came from the platform. */
  heard: (): void => tell(true),
  /** A request failed or is late: the platform is asked whether it answers, again and again until it does. */
  doubt: (): void => void ask(),
  /** Told when it stops to answer, and when it is back. @returns what ends it */
  watch: (watcher: () => void): (() => void) => {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  },
};

/** An answer says that the platform is there, except where its status says that it may not be. */
export const judged = (response: Response): Response => {
  if (NO_ANSWER.has(response.status)) reach.doubt();
  else reach.heard();
  return response;
};
