import { backoffMs, ConfigError, delay } from '@fornax/base';
import { type EventLog, reasonOf } from '@fornax/event-store';
import { checkMasterKey } from './check-master-key.js';
import { earlierMasterKeys } from './earlier-keys.js';
import { Sealer } from './sealer.js';

export interface OpenSealerOptions {
  readonly masterKey: Uint8Array;
  /** Further keys that open: those of before, or the next one. */
  readonly masterKeysRead: readonly Uint8Array[];
  /** Where the master key comes from, for people. */
  readonly source: string;
  /** See `checkMasterKey`. */
  readonly lostFor?: string | undefined;
  /** Told why the log cannot be read, before each further try. */
  readonly onUnreadable: (reason: string) => void;
  /** For how long a log is read again that cannot be read, in milliseconds. An election takes seconds. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 60_000;

/**
 * Makes the sealer of a process: with all master keys that the log keeps, or not at all. A process that started without them would lack them for as long as
 * it lives, and tell everybody that they are lost. A log that cannot be read is read again, after 100 ms doubling to 5 s.
 * @returns the sealer, and whether it opens what the log holds; not, where that was given up
 * @throws ConfigError the master key is not the log's
 * @throws Error the log could not be read for as long as `patienceMs`
 */
export const openSealer = async (
  log: EventLog,
  { masterKey, masterKeysRead, source, lostFor, onUnreadable, patienceMs = PATIENCE_MS }: OpenSealerOptions,
): Promise<{ readonly sealer: Sealer; readonly opensLog: boolean }> => {
  const givesUpAt = performance.now() + patienceMs;
  for (let failures = 1; ; failures += 1)
    try {
      const earlier = await earlierMasterKeys(log, [masterKey, ...masterKeysRead]);
      const sealer = new Sealer(masterKey, [...masterKeysRead, ...earlier]);
      return { sealer, opensLog: await checkMasterKey(log, sealer, { source, lostFor }) };
    } catch (cause) {
      if (cause instanceof ConfigError) throw cause;
      const reason = reasonOf(cause);
      if (performance.now() >= givesUpAt)
        throw new Error(
          `the event log cannot be read, and with it the master keys of before that it keeps; nothing starts without them: ${reason}`,
          { cause },
        );
      onUnreadable(reason);
      await delay(backoffMs(failures));
    }
};
