import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ACCOUNT_ROLES } from './account.events.js';
import { mayReach, mayUseProject, PROJECT_ROLES, roleAllows, type Caller, type OwnedThing } from './project-access.js';

const organisation = fc.constantFrom('acme', 'initech', null);
const caller: fc.Arbitrary<Caller> = fc.record({
  id: fc.constantFrom('ada', 'bob'),
  role: fc.constantFrom(...ACCOUNT_ROLES),
  organisationId: organisation,
  readBy: fc.constantFrom(undefined, 'eve'),
});
const thing: fc.Arbitrary<OwnedThing> = fc.record({
  ownerId: fc.constantFrom('ada', 'cy'),
  ownerOrganisationId: organisation,
  projectRole: fc.constantFrom(undefined, ...PROJECT_ROLES),
});

describe('what somebody may do with what others own', () => {
  it('is to look whenever it is to tend', () => {
    fc.assert(fc.property(caller, thing, (who, what) => !mayReach(who, what, 'tend') || mayReach(who, what, 'look')));
  });

  it('is no less with a role in the project, or a higher one', () => {
    fc.assert(
      fc.property(caller, thing, fc.constantFrom('look' as const, 'tend' as const), (who, what, need) => {
        const may = [undefined, ...PROJECT_ROLES].map((projectRole) => mayReach(who, { ...what, projectRole }, need));
        expect(may).toEqual(may.toSorted((one, other) => Number(one) - Number(other)));
      }),
    );
  });

  it('is nothing for a user without a role in the project, colleague or not', () => {
    const stranger = fc.record({
      ...{ id: fc.constant('ada'), role: fc.constant('user' as const) },
      organisationId: organisation,
    });
    fc.assert(
      fc.property(stranger, organisation, (who, ownerOrganisationId) => {
        expect(mayReach(who, { ownerId: 'cy', ownerOrganisationId }, 'look')).toBe(false);
      }),
    );
  });

  it('is never to change anything for an auditor, whatever its role in the project, but for what is its own', () => {
    fc.assert(
      fc.property(caller, thing, (who, what) => {
        fc.pre(who.role === 'auditor' && who.id !== what.ownerId);
        expect(mayReach(who, what, 'tend')).toBe(false);
      }),
    );
  });

  it('is to look at what the account that somebody reads as is a member of, and nothing beyond it', () => {
    fc.assert(
      fc.property(caller, thing, (who, what) => {
        fc.pre(who.readBy !== undefined && who.id !== what.ownerId);
        expect(mayReach(who, what, 'look')).toBe(what.projectRole !== undefined);
        expect(mayReach(who, what, 'tend')).toBe(false);
      }),
    );
  });

  it('does not come through the organization to who belongs to none', () => {
    const who = { id: 'ada', role: 'coordinator', organisationId: null } as const;
    expect(mayReach(who, { ownerId: 'cy', ownerOrganisationId: null }, 'look')).toBe(false);
  });
});

describe('a role in a project', () => {
  it('allows this, and none of it without one', () => {
    const table = [undefined, ...PROJECT_ROLES].map((role) =>
      (['look', 'submit', 'tend', 'manage'] as const).filter((need) => roleAllows(role, need)),
    );
    expect(table).toEqual([[], ['look'], ['look', 'submit'], ['look', 'submit', 'tend', 'manage']]);
  });

  it('lets its maintainers say who its members are, and who looks after the organization', () => {
    const who = { id: 'ada', organisationId: 'acme' } as const;
    const wind = { organisationId: 'acme', projectRole: undefined };
    const may = (role: Caller['role'], projectRole?: OwnedThing['projectRole'], organisationId = 'acme') =>
      (['look', 'manage'] as const).filter((need) =>
        mayUseProject({ ...who, role }, { ...wind, organisationId, projectRole }, need),
      );
    expect(may('user')).toEqual([]);
    expect(may('user', 'member')).toEqual(['look']);
    expect(may('user', 'maintainer')).toEqual(['look', 'manage']);
    expect(may('auditor')).toEqual(['look']);
    expect(may('auditor', 'maintainer')).toEqual(['look']);
    expect(may('coordinator')).toEqual(['look', 'manage']);
    expect(may('coordinator', undefined, 'initech')).toEqual([]);
    expect(may('operator', undefined, 'initech')).toEqual(['look', 'manage']);
  });
});
