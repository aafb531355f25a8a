import { setTimeout as delay } from 'node:timers/promises';
import type { Answer, Reason } from './readiness.js';

export interface HealthWatchOptions {
  readonly signal: AbortSignal;
  readonly ask: () => Promise<Answer>;
  readonly say: (line: string) => void;
  /** Told after each look what keeps the platform from serving; nothing when it serves or gives no answer. Awaited. */
  readonly onLook: (reasons: readonly Reason[]) => Promise<void>;
  readonly everyMs?: number;
}

const EVERY_MS = 2_000;

const namesOf = (reasons: readonly Reason[]): string =>
  reasons
    .map(({ name }) => name)
    .sort()
    .join();

/**
 * Says on the screen why the platform is not ready, once for each change that two looks in a row agree about: a part that starts again passes
 * without a word. A look that fails is told once until one goes well. Ends with `signal`.
 */
export const watchHealth = async ({
  signal,
  ask,
  say,
  onLook,
  everyMs = EVERY_MS,
}: HealthWatchOptions): Promise<void> => {
  let said = '';
  let before = '';
  let warned = '';
  while (!signal.aborted) {
    try {
      const answer = await ask();
      const reasons = answer.isReady ? [] : answer.reasons;
      const names = namesOf(reasons);
      const isAnswer = answer.isReady || reasons.length > 0;
      if (isAnswer && names === before && names !== said && !signal.aborted) {
        const why = reasons.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
        say(reasons.length === 0 ? 'the platform is ready again' : `the platform is not ready: ${why}`);
        said = names;
      }
      if (isAnswer) before = names;
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
