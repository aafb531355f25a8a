import { writeFileSync } from 'node:fs';

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

/**
 * Leaves the memory of this process, and of all that it starts, out of core dumps: keys and tokens are in it. Unlike a limit of their size (RLIMIT_CORE),
 * this holds for dumps that go to a program as well (core(5), coredump_filter). Does nothing where the system has no such dumps.
 */
export const keepMemoryOutOfCoreDumps = (): void => {
  try {
    writeFileSync('/proc/self/coredump_filter', '0');
  } catch {
    // A kernel without core dumps, or a system that is no Linux.
  }
};
