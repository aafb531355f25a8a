/**
 * Waits until `check` gives something other than undefined or false, asking again every 20 ms; errors count as "not yet".
 * @throws Error the deadline passed; it ends with the last error of `check`, which is its cause, too: of a long run often only the message is left
 */
export const eventually = async <T>(
  check: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = 30_000 }: { readonly timeoutMs?: number } = {},
): Promise<T> => {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
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
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
