import { backoffMs, delay } from '@fornax/base';
import type { QuarantineEntry } from './entries.js';
import type { Quarantine } from './quarantine.js';

/** A message that was put aside, as it came. */
export interface KeptMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly sequence: number;
}

export interface TakeAgainOptions {
  /** The stream that the messages came from; each of its readers takes its own. */
  readonly stream: string;
  readonly isOwn: (subject: string) => boolean;
  readonly signal: AbortSignal;
  /** Told before a message is tried again. */
  readonly onError: (error: unknown) => void;
}

/**
 * Hands a reader the messages that it put aside and that an operator wants read again, one after the other, also those of before it started. A
 * message that it keeps once more goes back to `open`; every other one was read. One that fails is tried again with backoff.
 * Resolves when `signal` aborts.
 */
export const takeAgain = async (
  quarantine: Quarantine,
  { stream, isOwn, signal, onError }: TakeAgainOptions,
  take: (message: KeptMessage) => Promise<void>,
): Promise<void> => {
  const isDue = ({ state, what }: QuarantineEntry): boolean =>
    state === 'retrying' && what.kind === 'unreadable' && what.stream === stream && isOwn(what.subject);
  let wake = Promise.withResolvers<void>();
  const stopListening = quarantine.onChange((entry) => isDue(entry) && wake.resolve());
  const end = (): void => wake.resolve();
  signal.addEventListener('abort', end, { once: true });
  const takeOne = async ({ id, what }: QuarantineEntry): Promise<void> => {
    const data = await quarantine.bodyOf(id);
    if (data === undefined || what.kind !== 'unreadable') throw new Error(`the body of ${id} is no longer kept`);
    await take({ subject: what.subject, data, sequence: what.sequence });
    await quarantine.resolve(id);
  };
  try {
    for (let failures = 0; !signal.aborted;) {
      const due = quarantine.list().find(isDue);
      if (due === undefined) {
        await wake.promise;
        wake = Promise.withResolvers<void>();
        continue;
      }
      try {
        await takeOne(due);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        onError(error);
        failures += 1;
        await delay(backoffMs(failures), signal);
      }
    }
  } finally {
    stopListening();
    signal.removeEventListener('abort', end);
  }
};
