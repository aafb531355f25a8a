import type { AccountCommand, AccountEvent } from './account.events.js';
import { describe, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { accountDecider } from './account.decider.js';

const at = 1_000;
const { given } = specFor(accountDecider);
const quotas = { maxTasks: 1, maxBuckets: 1, maxStorageBytes: 1, maxInstances: 4, maxCores: 8 };
const identity = { accountId: 'a', email: 'ada@example.org', role: 'user' } as const;
const token = { tokenId: 't', name: 'laptop', hash: 'h', sealedSecret: 's', at } as const;
const created: AccountEvent = { type: 'AccountCreated', ...identity, quotas, at };
const issued: AccountEvent = { type: 'TokenIssued', ...identity, ...token };
const issue: Extract<AccountCommand, { type: 'IssueToken' }> = { type: 'IssueToken', ...token };
const revoke: AccountCommand = { type: 'RevokeToken', tokenId: 't', at };
const revoked: AccountEvent = { type: 'TokenRevoked', tokenId: 't', at };

describe('an account', () => {
  it('is created once', () => {
    given()
      .when({ type: 'CreateAccount', ...identity, quotas, at })
      .then(created);
    given(created)
      .when({ type: 'CreateAccount', ...identity, quotas, at })
      .thenRejected('account-exists');
  });

  it('may be created in an organisation', () =>
    given()
      .when({ type: 'CreateAccount', ...identity, organisationId: 'o', quotas, at })
      .then({ ...created, organisationId: 'o' }));

  it('takes no command before it exists', () => {
    given().when(issue).thenRejected('account-not-found');
    given().when({ type: 'ChangeAccount', role: 'operator', at }).thenRejected('account-not-found');
    given()
      .when({ type: 'CreateProject', projectId: 'p', name: 'P', description: '', at })
      .thenRejected('account-not-found');
  });

  it('changes role, quotas, access and organisation in one commit', () =>
    given(created)
      .when({
        type: 'ChangeAccount',
        role: 'auditor',
        quotas: { maxTasks: 9 },
        isDisabled: true,
        organisationId: 'o',
        at,
      })
      .then(
        { type: 'RoleChanged', accountId: 'a', role: 'auditor', at },
        { type: 'QuotasChanged', accountId: 'a', quotas: { ...quotas, maxTasks: 9 }, at },
        { type: 'AccountDisabled', accountId: 'a', at },
        { type: 'OrganisationChanged', accountId: 'a', organisationId: 'o', at },
      ));

  it('says nothing of what stays', () =>
    given(created, { type: 'AccountDisabled', accountId: 'a', at })
      .when({
        type: 'ChangeAccount',
        role: 'user',
        quotas: { maxTasks: 1, maxCores: 8 },
        isDisabled: true,
        organisationId: null,
        at,
      })
      .thenNothing());

  it('is enabled again, and leaves its organisation', () =>
    given(
      created,
      { type: 'AccountDisabled', accountId: 'a', at },
      { type: 'OrganisationChanged', accountId: 'a', organisationId: 'o', at },
    )
      .when({ type: 'ChangeAccount', isDisabled: false, organisationId: null, at })
      .then(
        { type: 'AccountEnabled', accountId: 'a', at },
        { type: 'OrganisationChanged', accountId: 'a', organisationId: null, at },
      ));

  it('keeps quotas that were changed before, and takes closer ones for one plan', () =>
    given(created, { type: 'QuotasChanged', accountId: 'a', quotas: { ...quotas, maxTasks: 5 }, at })
      .when({ type: 'ChangeAccount', quotas: { onDemand: { maxCores: 2 } }, at })
      .then({
        type: 'QuotasChanged',
        accountId: 'a',
        quotas: { ...quotas, maxTasks: 5, onDemand: { maxInstances: 4, maxCores: 2 } },
        at,
      }));
});

describe('a token', () => {
  it('is issued with its identity, once', () => {
    given(created).when(issue).then(issued);
    given(created, issued).when(issue).thenNothing();
  });

  it('carries the role of the day', () =>
    given(created, { type: 'RoleChanged', accountId: 'a', role: 'operator', at })
      .when(issue)
      .then({ ...issued, role: 'operator' }));

  it('is revoked, once', () => {
    given(created, issued).when(revoke).then(revoked);
    given(created, issued, revoked).when(revoke).thenNothing();
    given(created).when(revoke).thenRejected('token-not-found');
  });

  it('is not issued again after it was revoked', () => given(created, issued, revoked).when(issue).thenNothing());

  it('may expire, in the future', () => {
    given(created)
      .when({ ...issue, expiresAt: at + 1 })
      .then({ ...issued, expiresAt: at + 1 });
    given(created)
      .when({ ...issue, expiresAt: at })
      .thenRejected('token-expired');
  });

  it('is one of fifty that are alive', () => {
    const many = Array.from({ length: 50 }, (_, i): AccountEvent => ({ ...issued, tokenId: `t${i}` }));
    given(created, ...many)
      .when(issue)
      .thenRejected('too-many-tokens');
    given(created, ...many, { type: 'TokenRevoked', tokenId: 't7', at })
      .when(issue)
      .then(issued);
    const expired = many.map((event) => ({ ...event, expiresAt: at }));
    given(created, ...expired)
      .when(issue)
      .then(issued);
  });
});

describe('projects of an account', () => {
  const first = { name: 'Default', slug: 'default' };
  const made: AccountEvent = {
    type: 'ProjectCreated',
    projectId: 'p',
    ownerId: 'a',
    ownerKind: 'account',
    name: 'Wind',
    slug: 'wind',
    description: '',
    at,
  };

  it('begin with one that has the id of the account, also of an account that is older than projects', () => {
    given(created)
      .when({ type: 'RenameProject', projectId: 'a', name: 'Mine', at })
      .then({ type: 'ProjectRenamed', projectId: 'a', name: 'Mine', description: '', at });
    given(created).when({ type: 'RenameProject', projectId: 'a', name: first.name, at }).thenNothing();
    given(created)
      .when({ type: 'CreateProject', projectId: 'p', name: 'X', slug: first.slug, description: '', at })
      .thenRejected('slug-taken');
  });

  it('always have that one: it is not archived', () =>
    given(created, made).when({ type: 'ArchiveProject', projectId: 'a', at }).thenRejected('project-is-first'));

  it('are chosen as the default while they are open', () => {
    const choose: AccountCommand = { type: 'ChooseDefaultProject', projectId: 'p', at };
    const chosen: AccountEvent = { type: 'DefaultProjectChosen', ownerId: 'a', projectId: 'p', at };
    given(created, made).when(choose).then(chosen);
    given(created, made, chosen).when(choose).thenNothing();
    given(created, made, { type: 'ProjectArchived', projectId: 'p', at }).when(choose).thenRejected('project-archived');
    given(created).when(choose).thenRejected('project-not-found');
  });

  it('may stand behind one of the organisation', () =>
    given(created)
      .when({ type: 'ChooseSharedProject', projectId: 'shared', at })
      .then({ type: 'DefaultProjectChosen', ownerId: 'a', projectId: 'shared', at }));
});
