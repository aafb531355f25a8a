import type { InstantMs } from '../shared/time.js';
import type { AccountQuotaChange, AccountQuotas, OrganisationQuotaChange, OrganisationQuotas } from './quotas.js';
import type { ProjectCommand, ProjectEvent } from './projects.js';

/**
 * `user` works, `auditor` reads what its organization does and writes nothing, `coordinator` works and looks after the tasks of its
 * organization, `operator` runs the platform.
 */
export const ACCOUNT_ROLES = ['user', 'auditor', 'coordinator', 'operator'] as const;
export type AccountRole = (typeof ACCOUNT_ROLES)[number];

/** An account is a person or a service with an e-mail (its S3 access key). A token is stored by hash; its S3 secret is sealed by the master key. */
export type PersonEvent =
  | {
      readonly type: 'AccountCreated';
      readonly accountId: string;
      readonly email: string;
      readonly role: AccountRole;
      readonly quotas: AccountQuotas;
      readonly organisationId?: string;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'TokenIssued';
      readonly accountId: string;
      readonly email: string;
      readonly role: AccountRole;
      readonly tokenId: string;
      readonly name: string;
      readonly hash: string;
      /** Empty for one that signs nothing at the S3 endpoint. */
      readonly sealedSecret: string;
      /** From then on the token opens nothing; absent for one that lasts. */
      readonly expiresAt?: InstantMs;
      readonly at: InstantMs;
    }
  | { readonly type: 'TokenRevoked'; readonly tokenId: string; readonly at: InstantMs }
  | {
      readonly type: 'RoleChanged';
      readonly accountId: string;
      readonly role: AccountRole;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'QuotasChanged';
      readonly accountId: string;
      /** All of them, also those that stayed. */
      readonly quotas: AccountQuotas;
      readonly at: InstantMs;
    }
  | {
      /** Whom an OpenID provider calls so signs in as this account. */
      readonly type: 'IdentityLinked';
      readonly accountId: string;
      readonly issuer: string;
      readonly subject: string;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'IdentityUnlinked';
      readonly accountId: string;
      readonly issuer: string;
      readonly subject: string;
      readonly at: InstantMs;
    }
  | { readonly type: 'AccountDisabled'; readonly accountId: string; readonly at: InstantMs }
  | { readonly type: 'AccountEnabled'; readonly accountId: string; readonly at: InstantMs }
  | {
      readonly type: 'OrganisationChanged';
      readonly accountId: string;
      /** Null: the account belongs to none any more. */
      readonly organisationId: string | null;
      readonly at: InstantMs;
    };

/** An organization is a group of accounts with projects in common and ceilings on what all of them run at once and store. */
export type OrganisationEvent =
  | {
      readonly type: 'OrganisationCreated';
      readonly organisationId: string;
      readonly name: string;
      readonly quotas: OrganisationQuotas;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'OrganisationQuotasChanged';
      readonly organisationId: string;
      readonly quotas: OrganisationQuotas;
      readonly at: InstantMs;
    };

/** Every event of the `account` aggregate: of accounts and of organizations, each under its own id. */
export type AccountEvent = PersonEvent | OrganisationEvent | ProjectEvent;

export type AccountCommand =
  | {
      readonly type: 'CreateAccount';
      readonly accountId: string;
      readonly email: string;
      readonly role: AccountRole;
      readonly quotas: AccountQuotas;
      readonly organisationId?: string;
      /** Of whom an OpenID provider vouches for, linked in the same commit. */
      readonly identity?: { readonly issuer: string; readonly subject: string };
      readonly at: InstantMs;
    }
  | {
      readonly type: 'LinkIdentity';
      readonly issuer: string;
      /** Null: the account has none of this issuer any more. */
      readonly subject: string | null;
      readonly at: InstantMs;
    }
  | {
      /** Several changes that hold together or not at all; what is absent stays. */
      readonly type: 'ChangeAccount';
      readonly role?: AccountRole;
      readonly quotas?: AccountQuotaChange;
      readonly isDisabled?: boolean;
      readonly organisationId?: string | null;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'IssueToken';
      readonly tokenId: string;
      readonly name: string;
      readonly hash: string;
      readonly sealedSecret: string;
      readonly expiresAt?: InstantMs;
      readonly at: InstantMs;
    }
  | { readonly type: 'RevokeToken'; readonly tokenId: string; readonly at: InstantMs }
  | {
      /** A project of the account's organization; that it exists and is open is the caller's to know. */
      readonly type: 'ChooseSharedProject';
      readonly projectId: string;
      readonly at: InstantMs;
    }
  | ProjectCommand;

export type OrganisationCommand =
  | {
      readonly type: 'CreateOrganisation';
      readonly organisationId: string;
      readonly name: string;
      readonly quotas: OrganisationQuotas;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'ChangeOrganisation';
      readonly quotas: OrganisationQuotaChange;
      readonly at: InstantMs;
    }
  | ProjectCommand;
