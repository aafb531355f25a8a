import { backoffMs, delay } from '@fornax/base';
import { S3Error } from '@fornax/s3';
import { codeOf } from '../files/job-files.js';
import { plainText } from './plain-text.js';

/** How long results wait for a storage that does not take them, from the first failure of a file on. */
const PATIENCE_MS = 600_000;
const FULL = 507;
const PAUSES = { firstMs: 1_000, longestMs: 30_000 } as const;

/** Of connections that were refused, or broke. */
const BROKEN: ReadonlySet<string> = new Set(
  'ECONNREFUSED ECONNRESET EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH ENOTFOUND EAI_AGAIN ERR_STREAM_PREMATURE_CLOSE'.split(
    ' ',
  ),
);
const NO_ANSWER = /does not answer|socket hang up/;

/** Whether the same may succeed later: the storage is away, busy, full or read-only. Its "no" to a request, and what is wrong here, stays what it is. */
export const mayPass = (error: unknown): boolean => {
  // 501: it does not know how, and will not learn it in ten minutes.
  if (error instanceof S3Error)
    return (error.status >= 500 && error.status !== 501) || error.status === 429 || error.status === 408;
  return BROKEN.has(codeOf(error)) || NO_ANSWER.test(plainText(error));
};

/** The same of what is of no use later, as it can be taken again: a storage that is full is not waited for. */
export const mayPassSoon = (error: unknown): boolean =>
  mayPass(error) && !(error instanceof S3Error && error.status === FULL);

export interface Patience {
  readonly signal: AbortSignal;
  /** What waits, in words. Default `the results`. */
  readonly what?: string;
  /** Default {@link mayPass}. */
  readonly isWaitedFor?: (error: unknown) => boolean;
  /** Told why it waits, and undefined when it does not any more. */
  readonly onWaiting?: (reason: string | undefined) => void;
  /** Default ten minutes. */
  readonly patienceMs?: number;
  /** Monotonic clock, milliseconds. */
  readonly now?: () => number;
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/**
 * Does `work` until the storage takes it, with longer and longer pauses of random length.
 * @throws Error what was wrong last, when it lasts for too long; at once when it cannot pass
 */
export const withPatience = async <T>(
  work: () => Promise<T>,
  {
    signal,
    what = 'the results',
    isWaitedFor = mayPass,
    onWaiting,
    patienceMs = PATIENCE_MS,
    now = () => performance.now(),
    pause = (ms, ending) => delay(ms, ending),
  }: Patience,
): Promise<T> => {
  let since: number | undefined;
  for (let failures = 1; ; failures += 1) {
    try {
      const done = await work();
      if (since !== undefined) onWaiting?.(undefined);
      return done;
    } catch (error) {
      signal.throwIfAborted();
      if (!isWaitedFor(error)) throw error;
      since ??= now();
      const waitedMs = now() - since;
      if (waitedMs >= patienceMs)
        throw new Error(
          `the storage did not take ${what} for ${Math.round(waitedMs / 60_000)} min: ${plainText(error)}`,
          {
            cause: error,
          },
        );
      onWaiting?.(plainText(error));
      await pause(backoffMs(failures, PAUSES), signal);
      signal.throwIfAborted();
    }
  }
};
