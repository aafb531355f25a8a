import type { BucketGrant, GrantAccess } from '@fornax/domain';

/** What somebody may do with a bucket. `write` reads, too; `own` is everything, also to delete it and to share it. */
export type BucketAccess = GrantAccess | 'own';

/** An account, and what it belongs to now. */
export interface Membership {
  readonly account: string;
  readonly organizationId: string | null;
  /** Open projects that the account may put something into. */
  readonly projectIds: readonly string[];
  /** Open projects that it only looks at: what is shared with those for writing, it reads. */
  readonly viewedProjectIds: readonly string[];
}

/** What a grant gives somebody; undefined is nothing. */
const givenTo = (
  { grantee: { kind, id }, access }: BucketGrant,
  { account, organizationId, projectIds, viewedProjectIds }: Membership,
): GrantAccess | undefined => {
  switch (kind) {
    case 'user':
      return id === account ? access : undefined;
    case 'project':
      if (projectIds.includes(id)) return access;
      return viewedProjectIds.includes(id) ? 'read' : undefined;
    case 'organization':
      return id === organizationId ? access : undefined;
  }
};

/** What somebody may do with a bucket: the most of what its grants give; undefined is nothing. */
export const accessTo = (
  { owner, grants }: { readonly owner: string; readonly grants: readonly BucketGrant[] },
  who: Membership,
): BucketAccess | undefined => {
  if (owner === who.account) return 'own';
  const given = grants.map((grant) => givenTo(grant, who)).filter((access) => access !== undefined);
  return given.includes('write') ? 'write' : given[0];
};

const RANKS = { read: 1, write: 2, own: 3 } as const satisfies Record<BucketAccess, number>;

/** Tells whether who may do `has` with a bucket may do `wanted`. */
export const allows = (has: BucketAccess | undefined, wanted: BucketAccess): boolean =>
  has !== undefined && RANKS[has] >= RANKS[wanted];
