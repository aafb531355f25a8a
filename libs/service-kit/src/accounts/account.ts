import { createHash } from 'node:crypto';
import type { AccountEvent, AccountQuotas, AccountRole } from '@fornax/domain';

/** Who asks. Never holds the token. */
export interface Account {
  readonly id: string;
  readonly email: string;
  readonly role: AccountRole;
  readonly quotas: AccountQuotas;
  /** The token that was presented; empty for an account that was looked up otherwise. */
  readonly tokenId: string;
}

/** How a token stands in the log: lower-case hexadecimal SHA-256. Tokens are random, so a salt would add nothing. */
export const hashToken = (token: string): string => createHash('sha256').update(token, 'utf8').digest('hex');

export interface TokenRecord {
  readonly tokenId: string;
  readonly accountId: string;
  readonly hash: string;
  readonly sealedSecret: string;
}

/** Fold of the account log. Mutable: it belongs to one directory, and is never handed out. */
export class AccountsFold {
  readonly accounts = new Map<string, Omit<Account, 'tokenId'>>();
  readonly tokensByHash = new Map<string, TokenRecord>();
  private readonly tokensById = new Map<string, TokenRecord>();
  private readonly idsByEmail = new Map<string, string>();

  apply(event: AccountEvent): void {
    switch (event.type) {
      case 'AccountCreated':
        this.accounts.set(event.accountId, {
          id: event.accountId,
          email: event.email,
          role: event.role,
          quotas: event.quotas,
        });
        this.idsByEmail.set(event.email.toLowerCase(), event.accountId);
        return;
      case 'TokenIssued': {
        const record = {
          tokenId: event.tokenId,
          accountId: event.accountId,
          hash: event.hash,
          sealedSecret: event.sealedSecret,
        };
        this.tokensByHash.set(event.hash, record);
        this.tokensById.set(event.tokenId, record);
        return;
      }
      case 'TokenRevoked': {
        const record = this.tokensById.get(event.tokenId);
        if (record) this.tokensByHash.delete(record.hash);
        this.tokensById.delete(event.tokenId);
        return;
      }
    }
  }

  idOfEmail(email: string): string | undefined {
    return this.idsByEmail.get(email.toLowerCase());
  }

  tokensOf(accountId: string): readonly TokenRecord[] {
    return [...this.tokensById.values()].filter((token) => token.accountId === accountId);
  }
}
