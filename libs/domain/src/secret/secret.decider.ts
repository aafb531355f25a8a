import type { SecretCommand, SecretEvent } from './secret.events.js';
import { accept, assertNever, reject, type Decider } from '../shared/decider.js';

export interface SecretState {
  /** Of the last value, also of one that is deleted; 0: there was none yet. */
  readonly version: number;
  /** The data key of its values; null: there is no such secret (any more). */
  readonly keyId: string | null;
}

/** The secret aggregate. Rejections: `secret-exists`, `secret-not-found`. */
export const secretDecider: Decider<SecretState, SecretCommand, SecretEvent> = {
  initial: { version: 0, keyId: null },
  decide: ({ version, keyId }, command) => {
    if (command.type === 'CreateSecret') {
      if (keyId !== null) return reject('conflict', 'secret-exists', 'There is a secret with this key already');
      const { type: _, ...facts } = command;
      return accept<SecretEvent>({ type: 'SecretCreated', version: version + 1, ...facts });
    }
    const isGone = keyId === null || (command.type === 'ChangeSecret' && command.keyId !== keyId);
    if (isGone) return reject('not-found', 'secret-not-found', 'No such secret');
    const { at } = command;
    switch (command.type) {
      case 'ChangeSecret': {
        const { type: _, keyId: __, ...facts } = command;
        return accept<SecretEvent>({ type: 'SecretChanged', version: version + 1, ...facts });
      }
      case 'RecordRead':
        return accept<SecretEvent>({ type: 'SecretRead', version: command.version, at });
      case 'DeleteSecret':
        return accept<SecretEvent>({ type: 'SecretDeleted', keyId, at });
      default:
        return assertNever(command);
    }
  },
  evolve: (state, event) => {
    switch (event.type) {
      case 'SecretCreated':
        return { version: event.version, keyId: event.keyId };
      case 'SecretChanged':
        return { ...state, version: event.version };
      case 'SecretRead':
        return state;
      case 'SecretDeleted':
        return { ...state, keyId: null };
      default:
        return assertNever(event);
    }
  },
};
