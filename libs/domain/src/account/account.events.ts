import type { InstantMs } from '../shared/time.js';

export type AccountRole = 'user' | 'operator';

/** How much an account may hold and run at once (contract, section 3.24). */
export interface AccountQuotas {
  readonly maxTasks: number;
  readonly maxBuckets: number;
  readonly maxStorageBytes: number;
  readonly maxInstances: number;
  readonly maxCores: number;
}

/** An account is a person or a service with an e-mail (its S3 access key). A token is stored by hash; its S3 secret is sealed by the master key. */
export type AccountEvent =
  | {
      readonly type: 'AccountCreated';
      readonly accountId: string;
      readonly email: string;
      readonly role: AccountRole;
      readonly quotas: AccountQuotas;
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
      readonly sealedSecret: string;
      readonly at: InstantMs;
    }
  | { readonly type: 'TokenRevoked'; readonly tokenId: string; readonly at: InstantMs };

export type AccountCommand =
  | {
      readonly type: 'CreateAccount';
      readonly accountId: string;
      readonly email: string;
      readonly role: AccountRole;
      readonly quotas: AccountQuotas;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'IssueToken';
      readonly tokenId: string;
      readonly name: string;
      readonly hash: string;
      readonly sealedSecret: string;
      readonly at: InstantMs;
    }
  | { readonly type: 'RevokeToken'; readonly tokenId: string; readonly at: InstantMs };
