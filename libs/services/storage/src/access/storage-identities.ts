import { Inject, Injectable } from '@nestjs/common';
import { CORE_CONFIG, masterKeyOf, type CoreConfig } from '@fornax/service-kit';
import { AccountDirectory, verifyLeaseToken, verifyServiceToken } from '@fornax/identity';
import type { Identities, Principal } from './principal.js';

/** E-mail and token of a user, or the session token of a lease. */
@Injectable()
export class StorageIdentities implements Identities {
  constructor(
    private readonly accounts: AccountDirectory,
    @Inject(CORE_CONFIG) private readonly config: CoreConfig,
  ) {}

  byAccessKey(accessKey: string) {
    const found = this.accounts.byEmail(accessKey);
    if (!found) return undefined;
    const { id: account, email, role } = found.account;
    return {
      principal: { kind: 'user' as const, account, email, isReadOnly: role === 'auditor' },
      secrets: found.secrets,
    };
  }

  readAs(reader: string, account: string): Principal | undefined {
    const who = this.accounts.byId(reader);
    const found = who && !who.isDisabled ? this.accounts.readableAs(who, account) : undefined;
    return found && { kind: 'user', account: found.id, email: found.email, isReadOnly: true, readBy: reader };
  }

  /** Made with the master key, or, while that is changed, with the one of another process. */
  bySessionToken(token: string) {
    for (const key of [masterKeyOf(this.config), ...this.config.masterKeysRead]) {
      const lease = verifyLeaseToken(key, token);
      if (lease) return { principal: { kind: 'lease' as const, claims: lease.claims }, secrets: [lease.secretKey] };
      const service = verifyServiceToken(key, token);
      if (service)
        return { principal: { kind: 'service' as const, claims: service.claims }, secrets: [service.secretKey] };
    }
    return undefined;
  }
}
