/**
 * Waits until `check` gives something other than undefined or false, asking again every 20 ms; errors count as "not yet".
 * @throws Error the deadline passed; its cause is the last error of `check`
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
    if (performance.now() > deadline)
      throw new Error(`the condition did not come true within ${timeoutMs} ms`, { cause });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
