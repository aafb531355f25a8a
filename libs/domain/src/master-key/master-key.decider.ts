import { accept, type Decider, reject } from '../shared/decider.js';
import type { InstantMs } from '../shared/time.js';

/**
 * An earlier master key, sealed by the one that came after it: whoever has the newest opens all that was ever sealed. Keys go by their ids.
 */
export interface MasterKeyEvent {
  readonly type: 'MasterKeySucceeded';
  readonly keyId: string;
  readonly by: string;
  readonly sealed: string;
  readonly at: InstantMs;
}

export interface MasterKeyCommand {
  readonly type: 'KeepMasterKeys';
  /** The master key that seals. */
  readonly by: string;
  /** Those that came before it. */
  readonly earlier: readonly Pick<MasterKeyEvent, 'keyId' | 'sealed'>[];
  /** Ids of further ones at hand that nobody knows to have come before it: the next one may be among them. */
  readonly unproven: readonly string[];
  readonly at: InstantMs;
}

/** Which keys are kept, by which others. */
interface MasterKeyState {
  readonly kept: readonly Pick<MasterKeyEvent, 'keyId' | 'by'>[];
}

/**
 * The ring of master keys of one platform. What is kept already is not kept again. No key seals one that came after it, and nothing is brought back to a
 * key that was succeeded: whoever has it, because it leaked, would open what came after it.
 */
export const masterKeyDecider: Decider<MasterKeyState, MasterKeyCommand, MasterKeyEvent> = {
  initial: { kept: [] },
  decide: ({ kept }, { by, earlier, unproven, at }) => {
    const successor = kept.find(({ keyId }) => keyId === by);
    if (successor !== undefined)
      return reject(
        'conflict',
        'master-key-not-newest',
        `The master key ${by}, which seals in this process, was succeeded by ${successor.by}: restart it with the newest one. To change the key again, make a new one`,
      );
    if (unproven.length > 0)
      return reject(
        'conflict',
        'master-key-not-newest',
        `Of FORNAX_MASTER_KEYS_READ, ${unproven.join(', ')} sealed nothing before ${by}, the master key of this process, as far as the log shows. ` +
          'If that is the next key: make it FORNAX_MASTER_KEY in all processes first. If it is one of before: start once with it as the master key, and rotate then',
      );
    const isKept = (id: string): boolean => kept.some((one) => one.keyId === id && one.by === by);
    const missing = earlier.filter(({ keyId }) => !isKept(keyId));
    return accept(...missing.map((key): MasterKeyEvent => ({ type: 'MasterKeySucceeded', ...key, by, at })));
  },
  evolve: ({ kept }, { keyId, by }) => ({ kept: [...kept, { keyId, by }] }),
};
