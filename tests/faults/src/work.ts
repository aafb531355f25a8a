import type { RunningPlatform } from '@fornax/testing';

/** What the invariants need to know of a task that the platform acknowledged. */
export interface Acknowledged {
  readonly uuid: string;
  /** Its name, and what its result files begin with. */
  readonly key: string;
  readonly instances: number;
}

export interface LedgerLine {
  readonly instance: number;
  readonly attempt: number;
  readonly outcome: string;
}

/** One call of the public API; a connection that breaks or a 5xx is an error that the caller may retry. */
export const call = async <T>(platform: RunningPlatform, method: string, path: string, body?: unknown): Promise<T> => {
  const response = await fetch(platform.apiUrl + path, {
    method,
    headers: { authorization: platform.token, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
};

/** Repeats a call until it succeeds: for reads, and for commands that are safe to repeat. */
export const insist = async <T>(attempt: () => Promise<T>, what: string, timeoutMs = 90_000): Promise<T> => {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (cause) {
      if (Date.now() > deadline) throw new Error(`gave up: ${what}`, { cause });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
};

/** Waits until one of the tasks has an instance running: a kill before that would prove nothing. */
export const untilSomethingRuns = (platform: RunningPlatform, tasks: readonly Acknowledged[]): Promise<void> =>
  insist(async () => {
    for (const { uuid } of tasks) {
      const { runningInstanceCount } = await call<{ readonly runningInstanceCount: number }>(
        platform,
        'GET',
        `/tasks/${uuid}`,
      );
      if (runningInstanceCount > 0) return;
    }
    throw new Error('nothing runs');
  }, 'an instance runs');
