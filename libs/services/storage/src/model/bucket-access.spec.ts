import type { BucketGrant, GrantAccess, GranteeKind } from '@fornax/domain';
import { describe, expect, it } from '@jest/globals';
import { accessTo, allows, type Membership } from './bucket-access.js';

const eve: Membership = {
  account: 'eve',
  organizationId: 'acme',
  projectIds: ['eve', 'wind'],
  viewedProjectIds: ['sea'],
};
const to = (kind: GranteeKind, id: string, access: GrantAccess): BucketGrant => ({ grantee: { kind, id }, access });
const access = (who: Membership, ...grants: readonly BucketGrant[]) => accessTo({ owner: 'ada', grants }, who);

describe('access to a bucket', () => {
  it('is everything for its owner, whatever is granted, and nothing for others', () => {
    expect(access({ ...eve, account: 'ada' }, to('organization', 'acme', 'read'))).toBe('own');
    expect(access(eve)).toBeUndefined();
    expect(access(eve, to('user', 'bob', 'write'), to('project', 'sun', 'write'))).toBeUndefined();
  });

  it('comes through the account, its projects and its organization, the most of it', () => {
    expect(access(eve, to('user', 'eve', 'read'))).toBe('read');
    expect(access(eve, to('project', 'wind', 'write'))).toBe('write');
    expect(access(eve, to('organization', 'acme', 'read'))).toBe('read');
    expect(access(eve, to('user', 'eve', 'read'), to('organization', 'acme', 'write'))).toBe('write');
  });

  it('through a project that one only looks at is to read, whatever is granted', () => {
    expect(access(eve, to('project', 'sea', 'write'))).toBe('read');
    expect(access(eve, to('project', 'sea', 'read'))).toBe('read');
    expect(access(eve, to('project', 'sea', 'write'), to('user', 'eve', 'write'))).toBe('write');
  });

  it('never comes through an id of another kind', () => {
    expect(access(eve, to('user', 'acme', 'write'), to('organization', 'eve', 'write'))).toBeUndefined();
    expect(access({ ...eve, organizationId: null }, to('organization', 'null', 'write'))).toBeUndefined();
    expect(access(eve, to('project', 'acme', 'write'), to('user', 'wind', 'write'))).toBeUndefined();
  });

  it('allows what it is and what is less', () => {
    const table = (['read', 'write', 'own'] as const).map((wanted) =>
      ([undefined, 'read', 'write', 'own'] as const).map((has) => allows(has, wanted)),
    );
    expect(table).toEqual([
      [false, true, true, true],
      [false, false, true, true],
      [false, false, false, true],
    ]);
  });
});
