import { Inject, Injectable } from '@nestjs/common';
import { CORE_CONFIG, type CoreConfig } from '@fornax/service-kit';
import { AccountDirectory, verifyLeaseToken, verifyServiceToken } from '@fornax/identity';
import type { Identities } from './principal.js';

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

  bySessionToken(token: string) {
    const lease = verifyLeaseToken(this.config.masterKey, token);
    if (lease) return { principal: { kind: 'lease' as const, claims: lease.claims }, secrets: [lease.secretKey] };
    const service = verifyServiceToken(this.config.masterKey, token);
    return service && { principal: { kind: 'service' as const, claims: service.claims }, secrets: [service.secretKey] };
  }
}
