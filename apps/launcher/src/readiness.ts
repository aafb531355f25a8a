import { setTimeout as delay } from 'node:timers/promises';
import { SetupError } from '@fornax/embedded';
import { z } from 'zod';

const readinessSchema = z.object({
  reasons: z.array(
    z.object({
      name: z.string(),
      reason: z.string(),
      ways: z.array(z.string()).optional(),
      isWorkedOn: z.boolean().optional(),
    }),
  ),
});

const degradedSchema = z.object({ degraded: z.array(z.object({ name: z.string(), reason: z.string() })) });

const stopsSchema = z.object({
  stops: z.array(z.object({ name: z.string(), message: z.string(), ways: z.array(z.string()) })),
});

/** Why nothing may be written, and what a person can do: waiting alone does not help. */
export type Stop = z.output<typeof stopsSchema>['stops'][number];

export interface Reason {
  readonly name: string;
  readonly reason: string;
  /** What a person can do, where waiting does not help. */
  readonly ways?: readonly string[] | undefined;
  /** It is being mended by work that may take long; the text changes as long as that goes on. */
  readonly isWorkedOn?: boolean | undefined;
}

export type Answer =
  | { readonly isReady: true; readonly degraded: readonly string[] }
  | {
      readonly isReady: false;
      readonly why: string;
      readonly reasons: readonly Reason[];
      readonly stops: readonly Stop[];
    };

/** What the screen says of stops, in lines. */
export const linesOf = (stops: readonly Stop[]): readonly string[] =>
  stops.flatMap(({ message, ways }) => [
    `NOTHING IS WRITTEN: ${message}. The platform stays up and answers what it can. What to do, one of these:`,
    ...listOf(ways),
  ]);

const listOf = (ways: readonly string[]): readonly string[] => ways.map((way, index) => `  (${index + 1}) ${way}`);

/** What the screen says of reasons that only a person can end, in lines; nothing of the others. */
export const linesOfWays = (reasons: readonly Reason[]): readonly string[] =>
  reasons.flatMap(({ name, reason, ways = [] }) =>
    ways.length === 0 ? [] : [`NOT READY (${name}): ${reason}. What to do, one of these:`, ...listOf(ways)],
  );

const stopsIn = (body: unknown): readonly Stop[] => stopsSchema.safeParse(body).data?.stops ?? [];

/** Asks once whether a platform is ready, and why not. */
export const askReadiness = async (url: string, token: string | undefined): Promise<Answer> => {
  try {
    const response = await fetch(`${url}/health/ready`, {
      headers: token === undefined ? {} : { authorization: token },
      signal: AbortSignal.timeout(5_000),
    });
    if (response.status === 200) {
      const { data } = degradedSchema.safeParse(await response.json().catch(() => undefined));
      return { isReady: true, degraded: data?.degraded.map(({ name, reason }) => `${name}: ${reason}`) ?? [] };
    }
    const json: unknown = await response.json().catch(() => undefined);
    const body = readinessSchema.safeParse(json);
    const reasons = body.success ? body.data.reasons : [];
    const why = reasons.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
    return { isReady: false, why: why || `answers ${response.status}`, reasons, stops: stopsIn(json) };
  } catch {
    return { isReady: false, why: 'the platform gives no answer yet', reasons: [], stops: [] };
  }
};

/** How far the work is that something waits for; empty without any. */
const workIn = (reasons: readonly Reason[]): string =>
  reasons
    .filter(({ isWorkedOn }) => isWorkedOn)
    .map(({ reason }) => reason)
    .join('\n');

const POLL_MS = 50;
const TELL_MS = 2_000;
const STOPPED_POLL_MS = 1_000;

/**
 * Waits until `<url>/health/ready` answers 200 and tells every two seconds what is missing. While a person has to do something first (nothing may be
 * written, or files are gone), it says so once and waits for as long as that takes; also for work that goes on, such as an index that is made again.
 * @param signal ends the waiting with its reason
 * @returns what does not work although the platform serves; usually nothing
 * @throws SetupError the time is over
 */
export const waitUntilReady = async (
  url: string,
  {
    token,
    timeoutMs,
    signal,
    onWaiting,
    onStopped,
  }: {
    /** Lets this see what is missing; strangers only learn that something is. */
    readonly token: string | undefined;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly onWaiting: (why: string) => void;
    readonly onStopped: (lines: readonly string[]) => void;
  },
): Promise<readonly string[]> => {
  let startedAt = performance.now();
  let toldAt = startedAt;
  let said = '';
  let work = '';
  for (;;) {
    signal.throwIfAborted();
    const answer = await askReadiness(url, token);
    if (answer.isReady) return answer.degraded;
    const now = performance.now();
    const lines = [...linesOf(answer.stops), ...linesOfWays(answer.reasons)];
    if (lines.length > 0) {
      startedAt = now;
      toldAt = now;
      if (said !== lines.join('\n')) onStopped(lines);
      said = lines.join('\n');
      await delay(STOPPED_POLL_MS);
      continue;
    }
    const workNow = workIn(answer.reasons);
    if (workNow !== work) startedAt = now;
    work = workNow;
    if (now - startedAt > timeoutMs) {
      throw new SetupError(
        `The platform was not ready after ${Math.round(timeoutMs / 1000)} s (${answer.why}).`,
        'See the logs in the data folder; FORNAX_READY_TIMEOUT_MS gives it more time.',
      );
    }
    if (now - toldAt > TELL_MS) {
      onWaiting(answer.why);
      toldAt = now;
    }
    await delay(POLL_MS);
  }
};

/** Part of the reason that a projection gives while new rows are folded beside old ones. */
const REBUILDING = ': rebuilding, ';

/**
 * Tells how far read models are that are folded anew behind a platform that serves: at once, and then every `everyMs` until none is left.
 * Never rejects. @returns how many were told of; 0 when there was none
 */
export const tellRebuilds = async (
  url: string,
  {
    token,
    signal,
    everyMs = TELL_MS,
    onProgress,
  }: {
    readonly token: string | undefined;
    readonly signal: AbortSignal;
    readonly everyMs?: number;
    readonly onProgress: (text: string) => void;
  },
): Promise<number> => {
  const told = new Set<string>();
  while (!signal.aborted) {
    const answer = await askReadiness(url, token);
    const rebuilding = answer.isReady ? answer.degraded.filter((text) => text.includes(REBUILDING)) : [];
    if (answer.isReady && rebuilding.length === 0) break;
    for (const text of rebuilding) {
      told.add(text.slice(0, text.indexOf(REBUILDING)));
      onProgress(text);
    }
    await delay(everyMs, undefined, { signal }).catch(() => undefined);
  }
  return told.size;
};
