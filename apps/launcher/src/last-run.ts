import { findProcesses, isAlive, signal, waitUntil, wasStartedWith } from '@fornax/embedded';
import { readRuntime } from './runtime-files.js';
import type { Screen } from './screen/screen.js';

/**
 * Ends what is left of a run whose launcher and guardian were both killed. NATS and PostgreSQL are ended by their next start,
 * should they have lost the mark of their run. The caller holds the folder's lock.
 */
export const endLastRun = async (data: string, screen: Screen): Promise<void> => {
  const last = await readRuntime(data);
  if (last === undefined) return;
  const left = findProcesses((pid) => wasStartedWith(pid, `FORNAX_RUN=${last.run}`));
  if (left.length === 0) return;
  screen.say(`ending ${left.length} processes that an earlier run left behind`);
  for (const [name, timeoutMs] of [
    ['SIGTERM', 3_000],
    ['SIGKILL', 2_000],
  ] as const) {
    for (const one of left) signal(one, name);
    if (await waitUntil(() => !left.some(isAlive), { timeoutMs })) return;
  }
};
