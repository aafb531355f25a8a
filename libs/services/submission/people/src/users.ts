import { Inject, Injectable } from '@nestjs/common';
import type { OrganizationChange, OrganizationCreation, UserChange, UserCreation } from '@fornax/contracts';
import { changedQuotas } from '@fornax/domain';
import { type Account, AccountDirectory, type Organisation, type RequestContext } from '@fornax/identity';
import { derivedId, Conflict, Forbidden, NotFound, ValidationFailed } from '@fornax/base';
import { accountIdOf } from './first-account.js';
import { ORGANISATION_QUOTAS, USER_QUOTAS } from './new-quotas.js';
import { OPEN_ID_CONFIG, type OpenIdSettings } from './open-id-config.js';
import { PeopleCommands } from './people-commands.js';

/** Accounts and organizations, as operators make and change them. */
@Injectable()
export class Users {
  constructor(
    private readonly accounts: AccountDirectory,
    private readonly commands: PeopleCommands,
    @Inject(OPEN_ID_CONFIG) private readonly openId: OpenIdSettings,
  ) {}

  /** @param reader sees everybody as an operator, and its organization as an auditor or coordinator @throws Forbidden anybody else */
  visibleTo(reader: Account): readonly Account[] {
    if (reader.role === 'operator') return this.accounts.all();
    if (reader.role === 'user') throw new Forbidden('Only an operator, a coordinator or an auditor may do this');
    if (reader.organisationId === null) return this.accounts.all().filter(({ id }) => id === reader.id);
    return this.accounts.membersOf(reader.organisationId);
  }

  /** @param idOrEmail of an account that exists @throws NotFound */
  find(idOrEmail: string): Account {
    const found = this.accounts.find(idOrEmail);
    if (!found) throw new NotFound(`No such user: ${idOrEmail}`, { code: 'account-not-found' });
    return found;
  }

  /** @throws NotFound */
  organisation(idOrName: string): Organisation {
    const found = this.accounts.organisation(idOrName);
    if (!found) throw new NotFound(`No such organization: ${idOrName}`, { code: 'organization-not-found' });
    return found;
  }

  /** @throws Conflict the e-mail has an account, in whatever case */
  async create(
    { email, role = 'user', organization, quotas = {} }: UserCreation,
    context: RequestContext,
  ): Promise<Account> {
    const accountId = accountIdOf(email);
    const known = this.accounts.find(email);
    // Under its own id the log tells whether it was this very request that made it.
    if (known && known.id !== accountId) throw new Conflict(`The account ${email} exists`, { code: 'account-exists' });
    const organisationId = organization === undefined ? undefined : this.named(organization);
    await this.commands.account(
      accountId,
      {
        type: 'CreateAccount',
        accountId,
        email,
        role,
        quotas: changedQuotas(USER_QUOTAS, quotas),
        ...(organisationId === undefined ? {} : { organisationId }),
      },
      context,
    );
    return this.find(accountId);
  }

  /** @throws Forbidden an operator cannot lock itself out: so there is always one left */
  async change(idOrEmail: string, change: UserChange, context: RequestContext): Promise<Account> {
    const { id } = this.find(idOrEmail);
    const { role, disabled, organization, quotas, openIdSubject } = change;
    const isOwn = id === context.account.id;
    if (isOwn && (disabled === true || (role !== undefined && role !== 'operator')))
      throw new Forbidden('Another operator must change your role or disable you', { code: 'own-account' });
    if (openIdSubject !== undefined) await this.link(id, openIdSubject, context);
    await this.commands.account(
      id,
      {
        type: 'ChangeAccount',
        ...(role === undefined ? {} : { role }),
        ...(disabled === undefined ? {} : { isDisabled: disabled }),
        ...(quotas === undefined ? {} : { quotas }),
        ...(organization === undefined
          ? {}
          : { organisationId: organization === '' ? null : this.named(organization) }),
      },
      context,
    );
    return this.find(id);
  }

  /** @throws ValidationFailed no provider is set up @throws Conflict another account is whom it calls so */
  private async link(id: string, subject: string, context: RequestContext): Promise<void> {
    const issuer = this.openId?.issuer;
    if (issuer === undefined)
      throw new ValidationFailed({ openIdSubject: ['No OpenID provider is set up here (FORNAX_OIDC_ISSUER).'] });
    const other = this.accounts.byIdentity(issuer, subject);
    if (other && other.id !== id)
      throw new Conflict(`${other.email} is signed in by this subject already`, { code: 'identity-linked' });
    await this.commands.account(
      id,
      { type: 'LinkIdentity', issuer, subject: subject === '' ? null : subject },
      context,
    );
  }

  async createOrganisation(
    { name, quotas = {} }: OrganizationCreation,
    context: RequestContext,
  ): Promise<Organisation> {
    // The same for one name in any case, so that two requests at once make one organization.
    const organisationId = derivedId('organisation', name.toLowerCase());
    await this.commands.organisation(
      organisationId,
      { type: 'CreateOrganisation', organisationId, name, quotas: changedQuotas(ORGANISATION_QUOTAS, quotas) },
      context,
    );
    return this.organisation(organisationId);
  }

  async changeOrganisation(
    idOrName: string,
    { quotas }: OrganizationChange,
    context: RequestContext,
  ): Promise<Organisation> {
    const { id } = this.organisation(idOrName);
    await this.commands.organisation(id, { type: 'ChangeOrganisation', quotas }, context);
    return this.organisation(id);
  }

  /** Named in a body, so that its absence is a wrong body. */
  private named(idOrName: string): string {
    const found = this.accounts.organisation(idOrName);
    if (!found) throw new ValidationFailed({ organization: [`No such organization: ${idOrName}`] });
    return found.id;
  }
}
