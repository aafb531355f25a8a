import { createHash } from 'node:crypto';
import type {
  AccountQuotas,
  AccountRole,
  OrganisationQuotas,
  ProjectOwnerKind,
  ProjectRole,
  StorageQuotas,
} from '@fornax/domain';

/** Who asks. Never holds the token. */
export interface Account {
  readonly id: string;
  readonly email: string;
  readonly role: AccountRole;
  readonly quotas: AccountQuotas;
  readonly isDisabled: boolean;
  readonly organisationId: string | null;
  /** When it was made, milliseconds. */
  readonly createdAt: number;
  /** The token that was presented; empty for an account that was looked up otherwise. */
  readonly tokenId: string;
  /** The account whose token was presented, when it reads as this one (contract, section 1.2). */
  readonly readBy?: string;
}

/** A token as it may be shown: never its text, its hash or its secret. */
export interface TokenFacts {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
}

export interface Organisation {
  readonly id: string;
  readonly name: string;
  readonly quotas: OrganisationQuotas;
  readonly createdAt: number;
}

export interface Project {
  readonly id: string;
  readonly ownerId: string;
  readonly ownerKind: ProjectOwnerKind;
  readonly name: string;
  readonly slug: string;
  readonly description: string;
  readonly isArchived: boolean;
  readonly quotas: StorageQuotas;
  /** Roles by account; absent: it is for all of its owner's. */
  readonly members?: ReadonlyMap<string, ProjectRole>;
}

/** A project as one account sees it: for each, exactly one is the default. */
export interface UsableProject extends Project {
  readonly isDefault: boolean;
}

/** How a token stands in the log: lower-case hexadecimal SHA-256. Tokens are random, so a salt would add nothing. */
export const hashToken = (token: string): string => createHash('sha256').update(token, 'utf8').digest('hex');
