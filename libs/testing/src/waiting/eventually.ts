/** Whoever asks does not keep a slow machine from coming to what is asked for; half a second later is soon enough. */
const LONGEST_PAUSE_MS = 500;

/**
 * Waits until `check` gives something other than undefined or false; errors count as "not yet". It asks again after `everyMs` (20 unless told), or after
 * as long as the last answer took, if that was longer.
 * @throws Error the deadline passed; it ends with the last error of `check`, which is its cause, too: of a long run often only the message is left
 */
export const eventually = async <T>(
  check: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = 30_000, everyMs = 20 }: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
): Promise<T> => {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    const askedAt = performance.now();
    try {
      const result = await check();
      if (result !== undefined && result !== false) return result;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) {
      const last = cause === undefined ? '' : `: ${cause instanceof Error ? cause.message : String(cause)}`;
      throw new Error(`the condition did not come true within ${timeoutMs} ms${last}`, { cause });
    }
    const tookMs = Math.min(performance.now() - askedAt, LONGEST_PAUSE_MS);
    await new Promise((resolve) => setTimeout(resolve, Math.max(everyMs, tookMs)));
  }
};
