/**
 * Does something again and again, never twice at once: a turn that comes while the last one is not over is left out, so that nothing piles up
 * behind one that waits. Keeps no process alive.
 * @param work sees to its own errors
 * @returns stops it; a turn in hand goes on
 */
export const every = (intervalMs: number, work: () => Promise<void>): (() => void) => {
  let isBusy = false;
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    void work().finally(() => (isBusy = false));
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
};
