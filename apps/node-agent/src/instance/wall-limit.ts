/** Longest time that Node's timers can hold; a longer wait is made of several. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Calls back once when the time is over. @returns stops the clock */
export const startWallLimit = (limitMs: number, onReached: () => void): (() => void) => {
  const reachedAt = performance.now() + limitMs;
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const leftMs = reachedAt - performance.now();
    if (leftMs <= 0) onReached();
    else timer = setTimeout(wait, Math.min(Math.ceil(leftMs), LONGEST_TIMER_MS));
  };
  timer = setTimeout(wait, Math.min(limitMs, LONGEST_TIMER_MS));
  return () => clearTimeout(timer);
};
