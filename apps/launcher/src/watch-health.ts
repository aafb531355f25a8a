import { setTimeout as delay } from 'node:timers/promises';
import { linesOf, linesOfWays, type Answer, type Reason, type Stop } from './readiness.js';

export interface HealthWatchOptions {
  readonly signal: AbortSignal;
  readonly ask: () => Promise<Answer>;
  readonly say: (line: string) => void;
  /** Told after each look what keeps the platform from serving; nothing when it serves or gives no answer. Awaited. */
  readonly onLook: (reasons: readonly Reason[]) => Promise<void>;
  readonly everyMs?: number;
}

const EVERY_MS = 2_000;

/** What keeps the platform from serving, in two parts that are told apart: stops come with ways out, the rest is only named. */
interface Trouble {
  readonly stops: readonly string[];
  readonly others: readonly Reason[];
}

const NONE: Trouble = { stops: [], others: [] };

/** In a router's answer the name of the service stands before that of the reason. */
const isOfStop = ({ name }: Reason, { stops }: { readonly stops: readonly Stop[] }): boolean =>
  stops.some((stop) => name === stop.name || name.endsWith(`: ${stop.name}`));

const troubleIn = (answer: Answer): Trouble =>
  answer.isReady
    ? NONE
    : { stops: linesOf(answer.stops), others: answer.reasons.filter((reason) => !isOfStop(reason, answer)) };

const keyOf = ({ stops, others }: Trouble): { readonly stops: string; readonly others: string } => ({
  stops: stops.join('\n'),
  others: others
    .map(({ name }) => name)
    .sort()
    .join(),
});

const isSame = (one: Trouble, other: Trouble): boolean => {
  const [a, b] = [keyOf(one), keyOf(other)];
  return a.stops === b.stops && a.others === b.others;
};

/** What is new since `before`, in lines. */
const newsOf = (now: Trouble, before: Trouble): readonly string[] => {
  if (now.stops.length + now.others.length === 0) return ['the platform is ready again'];
  const [a, b] = [keyOf(now), keyOf(before)];
  const waysOut = linesOfWays(now.others);
  const passing = now.others.filter(({ ways = [] }) => ways.length === 0);
  const why = passing.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
  return [
    ...(a.stops === b.stops ? [] : a.stops === '' ? ['writing is allowed again'] : now.stops),
    ...(a.others === b.others || why === '' ? [] : [`the platform is not ready: ${why}`]),
    ...(a.others === b.others ? [] : waysOut),
  ];
};

/**
 * Says on the screen why the platform is not ready, once for each change that two looks in a row agree about: a part that starts again passes
 * without a word. What stops all writing comes with the ways out; a look that fails is told once until one goes well. Ends with `signal`.
 */
export const watchHealth = async ({
  signal,
  ask,
  say,
  onLook,
  everyMs = EVERY_MS,
}: HealthWatchOptions): Promise<void> => {
  let said = NONE;
  let before = NONE;
  let warned = '';
  while (!signal.aborted) {
    try {
      const answer = await ask();
      const reasons = answer.isReady ? [] : answer.reasons;
      const now = troubleIn(answer);
      const isAnswer = answer.isReady || reasons.length > 0;
      if (isAnswer && isSame(now, before) && !isSame(now, said) && !signal.aborted) {
        for (const line of newsOf(now, said)) say(line);
        said = now;
      }
      if (isAnswer) before = now;
      await onLook(reasons);
      warned = '';
    } catch (error) {
      const warning = `warning: ${error instanceof Error ? error.message : String(error)}`;
      if (warning !== warned) say(warning);
      warned = warning;
    }
    await delay(everyMs, undefined, { signal }).catch(() => undefined);
  }
};
