import { Inject, Injectable } from '@nestjs/common';
import { accountDecider } from '@fornax/domain';
import { CommandRejected, decideAndAppend, loadAggregate, type EventLog } from '@fornax/event-store';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { hashToken, Sealer } from '@fornax/identity';
import { derivedId, type Clock, newId } from '@fornax/base';
import { OPERATOR_QUOTAS } from './new-quotas.js';

/** Decides what makes the first account: repeating it, also in two processes at once, adds nothing. */
@Injectable()
export class BootstrapAccount {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly sealer: Sealer,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Makes the account unless there is one, and issues the token.
   * @param before the same token, sealed with a master key that is lost: it is issued anew, and this one is revoked
   */
  async make(accountId: string, email: string, token: string, before?: string): Promise<void> {
    const at = this.clock.now();
    const meta = { actor: 'service:submission' as const, source: 'submission', correlationId: newId() };
    const subject = { log: this.log, aggregate: 'account' as const, id: accountId, decider: accountDecider, meta, at };
    const load = () => loadAggregate(this.log, 'account', accountId, accountDecider);
    const loaded = await load();
    const created = loaded.state.exists
      ? loaded
      : await decideAndAppend({
          ...subject,
          loaded,
          command: { type: 'CreateAccount', accountId, email, role: 'operator', quotas: OPERATOR_QUOTAS, at },
          commitId: derivedId('create-account', accountId),
        }).catch((error: unknown) => {
          // Another replica that started at the same time was first.
          if (error instanceof CommandRejected && error.rejection.code === 'account-exists') return load();
          throw error;
        });
    const hash = hashToken(token);
    const key = before === undefined ? [] : [this.sealer.fingerprint('token')];
    const tokenId = derivedId('token', accountId, hash, ...key);
    const issued = await decideAndAppend({
      ...subject,
      loaded: { state: created.state, sequence: created.sequence },
      command: {
        type: 'IssueToken',
        tokenId,
        name: 'bootstrap',
        hash,
        sealedSecret: this.sealer.sealWithMaster(token),
        at,
      },
      commitId: derivedId('issue-token', tokenId),
    });
    if (before === undefined || before === tokenId) return;
    await decideAndAppend({
      ...subject,
      loaded: { state: issued.state, sequence: issued.sequence },
      command: { type: 'RevokeToken', tokenId: before, at },
      commitId: derivedId('revoke-token', before),
    });
  }
}
