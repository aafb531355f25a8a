import { describe, expect, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { accountDecider } from './account.decider.js';
import type { AccountEvent, OrganisationCommand } from './account.events.js';
import { organisationDecider } from './organisation.decider.js';
import { MAX_PROJECT_MEMBERS } from './project-members.js';
import type { ProjectRole } from './project-access.js';

const at = 1_000;
const { given } = specFor(organisationDecider);
const organisation: AccountEvent = {
  type: 'OrganisationCreated',
  organisationId: 'o',
  name: 'Acme',
  quotas: { maxInstances: 1, maxCores: 1 },
  at,
};
const wind: AccountEvent = {
  type: 'ProjectCreated',
  projectId: 'wind',
  ownerId: 'o',
  ownerKind: 'organisation',
  name: 'Wind',
  slug: 'wind',
  description: '',
  at,
};
const was = (accountId: string, role: ProjectRole): AccountEvent => ({
  type: 'ProjectMemberSet',
  projectId: 'wind',
  accountId,
  role,
  at,
});
const left = (accountId: string): AccountEvent => ({ type: 'ProjectMemberRemoved', projectId: 'wind', accountId, at });
const by = (maintainerId: string | undefined) => (maintainerId === undefined ? {} : { maintainerId });
const set = (accountId: string, role: ProjectRole, maintainerId?: string): OrganisationCommand => ({
  type: 'SetProjectMember',
  projectId: 'wind',
  accountId,
  role,
  ...by(maintainerId),
  at,
});
const remove = (accountId: string, maintainerId?: string): OrganisationCommand => ({
  type: 'RemoveProjectMember',
  projectId: 'wind',
  accountId,
  ...by(maintainerId),
  at,
});

describe('the members of a project', () => {
  it('are added, given other roles and taken out, each once', () => {
    given(organisation, wind).when(set('ada', 'viewer')).then(was('ada', 'viewer'));
    given(organisation, wind, was('ada', 'viewer')).when(set('ada', 'viewer')).thenNothing();
    given(organisation, wind, was('ada', 'viewer')).when(set('ada', 'member')).then(was('ada', 'member'));
    given(organisation, wind, was('ada', 'viewer')).when(remove('ada')).then(left('ada'));
    given(organisation, wind, was('ada', 'viewer'), left('ada')).when(remove('ada')).thenRejected('member-not-found');
    given(organisation).when(set('ada', 'viewer')).thenRejected('project-not-found');
  });

  it('are changed by one who is a maintainer at that very moment, and by no other', () => {
    const before = [organisation, wind, was('ada', 'maintainer'), was('bob', 'maintainer'), was('eve', 'member')];
    given(...before)
      .when(set('eve', 'maintainer', 'ada'))
      .then(was('eve', 'maintainer'));
    for (const who of ['eve', 'mallory'])
      given(...before)
        .when(set(who, 'maintainer', who))
        .thenRejected('not-a-maintainer');
    // Of two who take each other's role, the one who comes second has none any more.
    given(...before, was('bob', 'viewer'))
      .when(set('ada', 'viewer', 'bob'))
      .thenRejected('not-a-maintainer');
    given(...before, left('bob'))
      .when(remove('ada', 'bob'))
      .thenRejected('not-a-maintainer');
  });

  it('are seen and taken out of an archived project, too', () => {
    given(organisation, wind, was('ada', 'viewer'), { type: 'ProjectArchived', projectId: 'wind', at })
      .when(remove('ada'))
      .then(left('ada'));
  });

  it('are so many at most', () => {
    const many = Array.from({ length: MAX_PROJECT_MEMBERS }, (_, i) => was(`a${i}`, 'viewer'));
    given(organisation, wind, ...many)
      .when(set('one more', 'viewer'))
      .thenRejected('too-many-members');
    given(organisation, wind, ...many)
      .when(set('a0', 'member'))
      .then(was('a0', 'member'));
  });

  it('are none once the last one has left, which is not the same as that nobody was ever named', () => {
    const members = (...events: readonly AccountEvent[]) => given(...events).state.projects.get('wind')?.members;
    expect(members(organisation, wind)).toBeUndefined();
    expect(members(organisation, wind, was('ada', 'viewer'), left('ada'))?.size).toBe(0);
  });

  it('are none of a project of one account', () => {
    const quotas = { maxTasks: 1, maxBuckets: 1, maxStorageBytes: 1, maxInstances: 1, maxCores: 1 };
    specFor(accountDecider)
      .given({ type: 'AccountCreated', accountId: 'ada', email: 'a@x', role: 'user', quotas, at })
      .when({ type: 'SetProjectMember', projectId: 'ada', accountId: 'bob', role: 'viewer', at })
      .thenRejected('project-not-shared');
  });
});

describe('an account that an OpenID provider vouches for', () => {
  const spec = specFor(accountDecider);
  const quotas = { maxTasks: 1, maxBuckets: 1, maxStorageBytes: 1, maxInstances: 1, maxCores: 1 };
  const facts = { accountId: 'ada', email: 'a@x', role: 'user', quotas, at } as const;
  const created: AccountEvent = { type: 'AccountCreated', ...facts };
  const identity = { issuer: 'https://id', subject: 's-1' };
  const linked: AccountEvent = { type: 'IdentityLinked', accountId: 'ada', ...identity, at };

  it('is made and linked in one commit, and never over an account that there is', () => {
    spec
      .given()
      .when({ type: 'CreateAccount', ...facts, identity })
      .then(created, linked);
    spec
      .given(created)
      .when({ type: 'CreateAccount', ...facts, identity })
      .thenRejected('account-exists');
  });

  it('has one subject of an issuer at most', () => {
    const link = (subject: string | null) => ({ type: 'LinkIdentity', issuer: 'https://id', subject, at }) as const;
    const unlinked: AccountEvent = { type: 'IdentityUnlinked', accountId: 'ada', ...identity, at };
    spec.given(created).when(link('s-1')).then(linked);
    spec.given(created, linked).when(link('s-1')).thenNothing();
    spec
      .given(created, linked)
      .when(link('s-2'))
      .then(unlinked, { ...linked, subject: 's-2' });
    spec.given(created, linked).when(link(null)).then(unlinked);
    spec.given(created, linked, unlinked).when(link(null)).thenNothing();
  });
});
