/** Resolves with the name of the first signal that asks the process to end. */
export const onceStopped = (): Promise<string> =>
  new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });

/** Sends the process SIGTERM when its parent, which holds the other end of its standard input, is gone in whatever way. */
export const endWithParent = (): void => {
  const end = (): void => void process.kill(process.pid, 'SIGTERM');
  for (const event of ['end', 'close', 'error']) process.stdin.on(event, end);
  process.stdin.resume();
};
