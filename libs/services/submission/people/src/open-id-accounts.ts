import { Inject, Injectable } from '@nestjs/common';
import { accountDecider, changedQuotas, type AccountCommand } from '@fornax/domain';
import { CommandRejected, decideAndAppend, type EventLog } from '@fornax/event-store';
import { CLOCK, CORE_CONFIG, EVENT_LOG, type CoreConfig } from '@fornax/service-kit';
import { AccountDirectory, type Account } from '@fornax/identity';
import { newId, Unavailable, type Clock } from '@fornax/base';
import { userCreationSchema } from '@fornax/contracts';
import { accountIdOf } from './first-account.js';
import { USER_QUOTAS } from './new-quotas.js';
import type { Person } from './open-id-claims.js';
import type { OpenIdConfig } from './open-id-config.js';
import { NotSignedIn } from './open-id-provider.js';

/** Accounts of people whom a provider vouches for: known by issuer and subject, never by an e-mail. */
@Injectable()
export class OpenIdAccounts {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly accounts: AccountDirectory,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CORE_CONFIG) private readonly config: CoreConfig,
  ) {}

  /**
   * The account of a person, made if there is none yet, with the role and the organization that the provider gives it now.
   * @throws NotSignedIn there is none and none is made, or it is disabled
   * @throws what a command throws that cannot be carried out now
   */
  async of(person: Person, config: OpenIdConfig): Promise<Account> {
    const organisationId = this.organisationOf(person);
    const known = this.accounts.byIdentity(config.issuer, person.subject);
    const account = known ?? (await this.make(person, organisationId, config));
    if (account.isDisabled) throw new NotSignedIn('account-disabled');
    const role = person.role === undefined || person.role === account.role ? {} : { role: person.role };
    const place = organisationId === undefined || organisationId === account.organisationId ? {} : { organisationId };
    if (Object.keys({ ...role, ...place }).length === 0) return account;
    await this.decide(account.id, { type: 'ChangeAccount', ...role, ...place, at: this.clock.now() }, config);
    return this.accounts.byId(account.id) ?? account;
  }

  private organisationOf({ organization }: Person): string | undefined {
    if (organization === undefined) return undefined;
    const found = this.accounts.organisation(organization);
    if (!found) throw new NotSignedIn('organization-unknown');
    return found.id;
  }

  private async make(person: Person, organisationId: string | undefined, config: OpenIdConfig): Promise<Account> {
    if (!config.makesAccounts) throw new NotSignedIn('no-account');
    if (person.email === undefined) throw new NotSignedIn(person.emailTrouble ?? 'email-missing');
    const checked = userCreationSchema.safeParse({ email: person.email });
    if (!checked.success) throw new NotSignedIn('email-missing');
    const { email } = checked.data;
    const accountId = accountIdOf(email);
    // Who has the address here already is somebody else until an operator says that it is the same person.
    if (this.accounts.find(email) !== undefined) throw new NotSignedIn('email-taken');
    const creation = {
      type: 'CreateAccount',
      accountId,
      email,
      role: person.role ?? 'user',
      quotas: changedQuotas(USER_QUOTAS, {}),
      ...(organisationId === undefined ? {} : { organisationId }),
      identity: { issuer: config.issuer, subject: person.subject },
      at: this.clock.now(),
    } as const;
    try {
      await this.decide(accountId, creation, config);
    } catch (error) {
      // Of two at once, one made it: this one, in another window, or somebody else.
      if (!(error instanceof CommandRejected && error.rejection.code === 'account-exists')) throw error;
    }
    const made = this.accounts.byIdentity(config.issuer, person.subject);
    if (made) return made;
    if (this.accounts.find(email)) throw new NotSignedIn('email-taken');
    throw new Unavailable('The account is not known here yet. Try again.', { code: 'behind' });
  }

  private async decide(accountId: string, command: AccountCommand, { issuer }: OpenIdConfig): Promise<void> {
    const { sequence } = await decideAndAppend({
      log: this.log,
      aggregate: 'account',
      id: accountId,
      decider: accountDecider,
      command,
      commitId: newId(),
      meta: {
        actor: 'service:submission',
        source: 'submission',
        correlationId: newId(),
        reason: `sign-in by ${issuer}`,
      },
      at: command.at,
    });
    await this.accounts.knows(sequence, this.config.readYourWritesTimeoutMs);
  }
}
