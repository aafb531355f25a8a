import { accept, type Decider } from '../shared/decider.js';
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

export interface MasterKeyCommand extends Omit<MasterKeyEvent, 'type'> {
  readonly type: 'KeepMasterKey';
}

/** Which keys are kept, by which others: `<keyId>/<by>`. */
interface MasterKeyState {
  readonly kept: readonly string[];
}

/** The ring of master keys of one platform. What is kept already is not kept again. */
export const masterKeyDecider: Decider<MasterKeyState, MasterKeyCommand, MasterKeyEvent> = {
  initial: { kept: [] },
  decide: ({ kept }, { type: _, ...facts }) =>
    kept.includes(`${facts.keyId}/${facts.by}`) ? accept() : accept({ type: 'MasterKeySucceeded', ...facts }),
  evolve: ({ kept }, { keyId, by }) => ({ kept: [...kept, `${keyId}/${by}`] }),
};
