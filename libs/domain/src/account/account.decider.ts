import type { AccountCommand, AccountEvent, AccountRole } from './account.events.js';
import { accept, assertNever, reject, type Decider } from '../shared/decider.js';

export interface AccountState {
  readonly exists: boolean;
  readonly accountId: string;
  readonly email: string;
  readonly role: AccountRole;
  /** Every token ever issued; true while it is valid. */
  readonly tokens: ReadonlyMap<string, boolean>;
}

/** The account aggregate. Rejections: `account-exists`, `account-not-found`, `token-not-found`. Repeating a command changes nothing. */
export const accountDecider: Decider<AccountState, AccountCommand, AccountEvent> = {
  initial: { exists: false, accountId: '', email: '', role: 'user', tokens: new Map() },
  decide: (state, command) => {
    switch (command.type) {
      case 'CreateAccount': {
        if (state.exists) return reject('account-exists', `account ${command.accountId} exists`);
        const { accountId, email, role, quotas, at } = command;
        return accept<AccountEvent>({ type: 'AccountCreated', accountId, email, role, quotas, at });
      }
      case 'IssueToken': {
        if (!state.exists) return reject('account-not-found', 'No such account');
        if (state.tokens.has(command.tokenId)) return accept();
        const { accountId, email, role } = state;
        const { tokenId, name, hash, sealedSecret, at } = command;
        return accept<AccountEvent>({
          type: 'TokenIssued',
          accountId,
          email,
          role,
          tokenId,
          name,
          hash,
          sealedSecret,
          at,
        });
      }
      case 'RevokeToken': {
        const isValid = state.tokens.get(command.tokenId);
        if (isValid === undefined) return reject('token-not-found', 'No such token');
        return isValid
          ? accept<AccountEvent>({ type: 'TokenRevoked', tokenId: command.tokenId, at: command.at })
          : accept();
      }
      default:
        return assertNever(command);
    }
  },
  evolve: (state, event) => {
    switch (event.type) {
      case 'AccountCreated':
        return { ...state, exists: true, accountId: event.accountId, email: event.email, role: event.role };
      case 'TokenIssued':
        return { ...state, tokens: new Map(state.tokens).set(event.tokenId, true) };
      case 'TokenRevoked':
        return { ...state, tokens: new Map(state.tokens).set(event.tokenId, false) };
      default:
        return assertNever(event);
    }
  },
};
