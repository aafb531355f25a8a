/** Runs `work` on every item, at most `limit` at once, in order. After a failure nothing new is begun; the first error is thrown. */
export const eachLimited = async <T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> => {
  const queue = items.values();
  let failed = false;
  const drain = async (): Promise<void> => {
    for (const item of queue) {
      if (failed) return;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, drain));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
};
