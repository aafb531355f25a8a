import { firstProjectOf, type AccountEvent } from '@fornax/domain';
import type { Account, Organisation, Project, UsableProject } from './account.js';

export interface TokenRecord {
  readonly tokenId: string;
  readonly accountId: string;
  readonly name: string;
  readonly hash: string;
  readonly sealedSecret: string;
  readonly createdAt: number;
  /** Infinity for one that lasts. */
  readonly expiresAt: number;
}

export type AccountRecord = Omit<Account, 'tokenId' | 'readBy'>;

/** Fold of the account log. Mutable: it belongs to one directory, and is never handed out. */
export class AccountsFold {
  readonly accounts = new Map<string, AccountRecord>();
  readonly organisations = new Map<string, Organisation>();
  readonly projects = new Map<string, Project>();
  readonly tokensByHash = new Map<string, TokenRecord>();
  private readonly tokensById = new Map<string, TokenRecord>();
  private readonly tokensByAccount = new Map<string, Map<string, TokenRecord>>();
  private readonly projectsByOwner = new Map<string, Set<string>>();
  /** By owner: the project that was chosen last, whatever became of it. */
  readonly defaults = new Map<string, string>();
  private readonly idsByEmail = new Map<string, string>();

  apply(event: AccountEvent): void {
    switch (event.type) {
      case 'AccountCreated':
        return this.create(event);
      case 'RoleChanged':
        return this.change(event.accountId, { role: event.role });
      case 'QuotasChanged':
        return this.change(event.accountId, { quotas: event.quotas });
      case 'AccountDisabled':
        return this.change(event.accountId, { isDisabled: true });
      case 'AccountEnabled':
        return this.change(event.accountId, { isDisabled: false });
      case 'OrganisationChanged':
        return this.change(event.accountId, { organisationId: event.organisationId });
      case 'TokenIssued':
        return this.issue(event);
      case 'TokenRevoked':
        return this.revoke(event.tokenId);
      case 'OrganisationCreated': {
        const { organisationId: id, name, quotas, at } = event;
        this.organisations.set(id, { id, name, quotas, createdAt: at });
        return;
      }
      case 'OrganisationQuotasChanged': {
        const known = this.organisations.get(event.organisationId);
        if (known) this.organisations.set(known.id, { ...known, quotas: event.quotas });
        return;
      }
      case 'ProjectCreated': {
        const { projectId: id, ownerId, ownerKind, name, slug, description } = event;
        return this.putProject({ id, ownerId, ownerKind, name, slug, description, isArchived: false });
      }
      case 'ProjectRenamed': {
        const known = this.projects.get(event.projectId);
        if (known) this.putProject({ ...known, name: event.name, description: event.description });
        return;
      }
      case 'ProjectArchived': {
        const known = this.projects.get(event.projectId);
        if (known) this.putProject({ ...known, isArchived: true });
        return;
      }
      case 'DefaultProjectChosen':
        this.defaults.set(event.ownerId, event.projectId);
        return;
    }
  }

  idOfEmail(email: string): string | undefined {
    return this.idsByEmail.get(email.toLowerCase());
  }

  tokensOf(accountId: string): readonly TokenRecord[] {
    return [...(this.tokensByAccount.get(accountId)?.values() ?? [])];
  }

  projectsOf(ownerId: string): readonly Project[] {
    return [...(this.projectsByOwner.get(ownerId) ?? [])].flatMap((id) => this.projects.get(id) ?? []);
  }

  /** Open projects that an account may use, its own first. Its choice is the default, else its organisation's, else the first one. */
  usableBy({ id, organisationId }: AccountRecord): readonly UsableProject[] {
    const owners = organisationId === null ? [id] : [id, organisationId];
    const open = owners.flatMap((owner) => this.projectsOf(owner)).filter(({ isArchived }) => !isArchived);
    const chosen = owners
      .map((owner) => this.defaults.get(owner))
      .find((one) => open.some((known) => known.id === one));
    const defaultId = chosen ?? id;
    return open.map((project) => ({ ...project, isDefault: project.id === defaultId }));
  }

  private create(event: Extract<AccountEvent, { type: 'AccountCreated' }>): void {
    const { accountId: id, email, role, quotas, organisationId = null, at: createdAt } = event;
    this.accounts.set(id, { id, email, role, quotas, organisationId, createdAt, isDisabled: false });
    this.idsByEmail.set(email.toLowerCase(), id);
    const { projectId, ...first } = firstProjectOf(id);
    this.putProject({ id: projectId, ownerId: id, ownerKind: 'account', ...first });
  }

  private change(accountId: string, changes: Partial<AccountRecord>): void {
    const known = this.accounts.get(accountId);
    if (known) this.accounts.set(accountId, { ...known, ...changes });
  }

  private issue(event: Extract<AccountEvent, { type: 'TokenIssued' }>): void {
    const { tokenId, accountId, name, hash, sealedSecret, expiresAt = Infinity, at: createdAt } = event;
    const record = { tokenId, accountId, name, hash, sealedSecret, createdAt, expiresAt };
    this.tokensByHash.set(hash, record);
    this.tokensById.set(tokenId, record);
    const known = this.tokensByAccount.get(accountId);
    if (known) known.set(tokenId, record);
    else this.tokensByAccount.set(accountId, new Map([[tokenId, record]]));
  }

  private revoke(tokenId: string): void {
    const record = this.tokensById.get(tokenId);
    if (!record) return;
    this.tokensById.delete(tokenId);
    this.tokensByAccount.get(record.accountId)?.delete(tokenId);
    if (this.tokensByHash.get(record.hash) === record) this.tokensByHash.delete(record.hash);
  }

  private putProject(project: Project): void {
    this.projects.set(project.id, project);
    const known = this.projectsByOwner.get(project.ownerId);
    if (known) known.add(project.id);
    else this.projectsByOwner.set(project.ownerId, new Set([project.id]));
  }
}
