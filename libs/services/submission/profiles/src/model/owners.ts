import { Inject, Injectable } from '@nestjs/common';
import { Forbidden, NotFound } from '@fornax/base';
import { PLATFORM, type ProfileUser } from '@fornax/domain';
import { type Account, AccountDirectory } from '@fornax/identity';
import { PROFILES_CONFIG, type ProfilesConfig } from '../config/profiles-config.js';

/** Owners whose profiles somebody may have, those of its organization before those of the platform. */
export const ownersFor = ({ organisationId }: Pick<Account, 'organisationId'>): readonly string[] =>
  organisationId === null ? [PLATFORM] : [organisationId, PLATFORM];

/** Says who owns profiles, and who may publish them for an owner. */
@Injectable()
export class Owners {
  constructor(
    private readonly accounts: AccountDirectory,
    @Inject(PROFILES_CONFIG) private readonly config: Pick<ProfilesConfig, 'publishers'>,
  ) {}

  /** Whether somebody may publish, retire and see all of an owner's. Who reads as somebody else only sees. */
  mayPublish({ role, organisationId, readBy }: Account, owner: string): boolean {
    if (readBy !== undefined) return false;
    if (role === 'operator') return true;
    if (owner === PLATFORM || owner !== organisationId || this.config.publishers === 'operators') return false;
    return role === 'coordinator' || (role === 'user' && this.config.publishers === 'members');
  }

  /**
   * The owner that somebody publishes for: the one that is named, else the platform for operators, and for others their organization.
   * @throws NotFound, Forbidden
   */
  publishingFor(account: Account, organization: string | undefined): string {
    const own = account.role === 'operator' ? PLATFORM : (account.organisationId ?? PLATFORM);
    const owner = organization === undefined ? own : this.ownerOf(organization);
    if (owner !== undefined && this.mayPublish(account, owner)) return owner;
    // Nobody learns which other organizations there are.
    if (organization !== undefined && owner !== own && owner !== PLATFORM)
      throw new NotFound(`No such organization: ${organization}`);
    throw new Forbidden('This account may not publish profiles here', { code: 'forbidden-profiles' });
  }

  /** An organization, or the platform; undefined: there is none of this name. */
  ownerOf(named: string): string | undefined {
    return named === PLATFORM ? PLATFORM : this.accounts.organisation(named)?.id;
  }

  /** As people know it; null: the platform. */
  nameOf(owner: string): string | null {
    return owner === PLATFORM ? null : (this.accounts.organisation(owner)?.name ?? owner);
  }

  /** Who wants to use profiles. @param projectId of the task; undefined: any that it may use */
  userOf({ id, organisationId }: Account, projectId?: string): ProfileUser {
    return {
      accountId: id,
      organizationId: organisationId,
      projects: projectId === undefined ? this.accounts.usableProjects(id).map((one) => one.id) : [projectId],
    };
  }
}
