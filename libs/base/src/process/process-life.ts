/** Resolves with the name of the first signal that asks the process to end. */
export const onceStopped = (): Promise<string> =>
  new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });

/**
 * Sends the process SIGTERM as soon as its parent is gone: the parent keeps our standard input (and IPC channel, if any) open for as
 * long as it lives, even if it is killed.
 */
export const endWithParent = (): void => {
  const end = (): void => void process.kill(process.pid, 'SIGTERM');
  process.stdin.on('end', end);
  process.stdin.on('close', end);
  process.stdin.on('error', end);
  process.stdin.resume();
  process.on('disconnect', end);
};
