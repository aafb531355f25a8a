import type { InstantMs } from '../shared/time.js';
import { accept, assertNever, reject, type Decision } from '../shared/decider.js';

/** Whom a bucket may be shared with: one account, all who may use a project, or all members of an organization. */
export type GranteeKind = 'user' | 'project' | 'organization';

export interface Grantee {
  readonly kind: GranteeKind;
  /** Of the account, the project or the organization. */
  readonly id: string;
}

/** What a grant allows: `write` allows everything that `read` allows, too. */
export type GrantAccess = 'read' | 'write';

export interface BucketGrant {
  readonly grantee: Grantee;
  readonly access: GrantAccess;
}

/** Sharing of a bucket. A grant ends when it is revoked, or with its bucket: another bucket of that name has none. */
export type BucketGrantEvent =
  | {
      /** Takes the place of an earlier grant to the same grantee. */
      readonly type: 'BucketGranted';
      readonly bucket: string;
      readonly grantee: Grantee;
      readonly access: GrantAccess;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'BucketGrantRevoked';
      readonly bucket: string;
      readonly grantee: Grantee;
      readonly at: InstantMs;
    };

/** `owner` is whose bucket the command is meant for: the name may have become somebody else's since. */
export type BucketGrantCommand =
  | {
      readonly type: 'GrantBucket';
      readonly owner: string;
      readonly grantee: Grantee;
      readonly access: GrantAccess;
      readonly at: InstantMs;
    }
  | { readonly type: 'RevokeBucketGrant'; readonly owner: string; readonly grantee: Grantee; readonly at: InstantMs };

/** Grants of one bucket, by `granteeKey`. */
export type BucketGrants = ReadonlyMap<string, BucketGrant>;

/** Grants that a bucket may have at once: every request of a grantee looks through them. */
const MAX_BUCKET_GRANTS = 100;

export const granteeKey = ({ kind, id }: Grantee): string => `${kind}:${id}`;

/**
 * Decides about the grants of a bucket that is there. Rejections: `grant-to-owner`, `too-many-grants`, `grant-not-found`. To grant what is granted
 * changes nothing.
 */
export const decideGrant = (
  { bucket, owner, grants }: { readonly bucket: string; readonly owner: string; readonly grants: BucketGrants },
  command: BucketGrantCommand,
): Decision<BucketGrantEvent> => {
  const { grantee, at } = command;
  const known = grants.get(granteeKey(grantee));
  switch (command.type) {
    case 'GrantBucket': {
      const { access } = command;
      if (known?.access === access) return accept();
      if (grantee.kind === 'user' && grantee.id === owner)
        return reject('invalid', 'grant-to-owner', 'The owner of a bucket needs no grant');
      if (!known && grants.size >= MAX_BUCKET_GRANTS)
        return reject(
          'forbidden',
          'too-many-grants',
          `A bucket has at most ${MAX_BUCKET_GRANTS} grants: revoke one, or share it with a project or an organization`,
        );
      return accept<BucketGrantEvent>({ type: 'BucketGranted', bucket, grantee, access, at });
    }
    case 'RevokeBucketGrant':
      if (!known)
        return reject('not-found', 'grant-not-found', `The bucket ${bucket} is not shared with this ${grantee.kind}`);
      return accept<BucketGrantEvent>({ type: 'BucketGrantRevoked', bucket, grantee, at });
    default:
      return assertNever(command);
  }
};

export const evolveGrants = (grants: BucketGrants, event: BucketGrantEvent): BucketGrants => {
  const after = new Map(grants);
  switch (event.type) {
    case 'BucketGranted':
      return after.set(granteeKey(event.grantee), { grantee: event.grantee, access: event.access });
    case 'BucketGrantRevoked':
      after.delete(granteeKey(event.grantee));
      return after;
    default:
      return assertNever(event);
  }
};
