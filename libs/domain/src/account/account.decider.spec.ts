import type { AccountCommand, AccountEvent } from './account.events.js';
import { describe, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { accountDecider } from './account.decider.js';

const at = 1_000;
const { given } = specFor(accountDecider);
const quotas = { maxTasks: 1, maxBuckets: 1, maxStorageBytes: 1, maxInstances: 1, maxCores: 1 };
const identity = { accountId: 'a', email: 'ada@example.org', role: 'user' } as const;
const token = { tokenId: 't', name: 'laptop', hash: 'h', sealedSecret: 's', at } as const;
const created: AccountEvent = { type: 'AccountCreated', ...identity, quotas, at };
const issued: AccountEvent = { type: 'TokenIssued', ...identity, ...token };
const issue: AccountCommand = { type: 'IssueToken', ...token };
const revoke: AccountCommand = { type: 'RevokeToken', tokenId: 't', at };

describe('an account', () => {
  it('is created once', () => {
    given()
      .when({ type: 'CreateAccount', ...identity, quotas, at })
      .then(created);
    given(created)
      .when({ type: 'CreateAccount', ...identity, quotas, at })
      .thenRejected('account-exists');
  });
  it('issues a token with its identity, once', () => {
    given(created).when(issue).then(issued);
    given(created, issued).when(issue).thenNothing();
    given().when(issue).thenRejected('account-not-found');
  });
  it('revokes a token, once', () => {
    given(created, issued).when(revoke).then({ type: 'TokenRevoked', tokenId: 't', at });
    given(created, issued, { type: 'TokenRevoked', tokenId: 't', at }).when(revoke).thenNothing();
    given(created).when(revoke).thenRejected('token-not-found');
  });
});
