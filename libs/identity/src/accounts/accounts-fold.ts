import {
  defaultProjectOf,
  evolveProjects,
  noProjects,
  sharedDefaultOf,
  SpendingHolds,
  startingProjects,
  type AccountEvent,
  type ProjectEvent,
  type ProjectOwnerKind,
  type ProjectsState,
} from '@fornax/domain';
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
  readonly tokensByHash = new Map<string, TokenRecord>();
  private readonly tokensById = new Map<string, TokenRecord>();
  private readonly tokensByAccount = new Map<string, Map<string, TokenRecord>>();
  private readonly owners = new Map<string, { readonly kind: ProjectOwnerKind; state: ProjectsState }>();
  private readonly ownerOfProject = new Map<string, string>();
  private readonly idsByEmail = new Map<string, string>();

  /** Of credits and budgets that are used up. */
  readonly holds = new SpendingHolds();

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
      case 'ProjectCreated':
        this.ownerOfProject.set(event.projectId, event.ownerId);
        return this.changeProjects(event.ownerId, event.ownerKind, event);
      case 'ProjectRenamed':
      case 'ProjectArchived':
      case 'ProjectQuotasChanged':
        return this.changeProjects(this.ownerOfProject.get(event.projectId), undefined, event);
      case 'DefaultProjectChosen':
        return this.changeProjects(event.ownerId, undefined, event);
    }
  }

  idOfEmail(email: string): string | undefined {
    return this.idsByEmail.get(email.toLowerCase());
  }

  tokensOf(accountId: string): readonly TokenRecord[] {
    return [...(this.tokensByAccount.get(accountId)?.values() ?? [])];
  }

  project(id: string): Project | undefined {
    const ownerId = this.ownerOfProject.get(id);
    const owner = ownerId === undefined ? undefined : this.owners.get(ownerId);
    const project = owner?.state.projects.get(id);
    return owner && project && ownerId !== undefined ? { id, ownerId, ownerKind: owner.kind, ...project } : undefined;
  }

  projectsOf(ownerId: string): readonly Project[] {
    const owner = this.owners.get(ownerId);
    if (!owner) return [];
    return [...owner.state.projects].map(([id, project]) => ({ id, ownerId, ownerKind: owner.kind, ...project }));
  }

  /** Open projects that an account may use, its own first. */
  usableBy({ id, organisationId }: AccountRecord): readonly UsableProject[] {
    const owners = organisationId === null ? [id] : [id, organisationId];
    const open = owners.flatMap((owner) => this.projectsOf(owner)).filter(({ isArchived }) => !isArchived);
    const defaultId = defaultProjectOf(id, this.stateOf(id), this.stateOf(organisationId));
    return open.map((project) => ({ ...project, isDefault: project.id === defaultId }));
  }

  /** The open project that an organization chose for its members. */
  sharedDefaultOf(organisationId: string): string | undefined {
    return sharedDefaultOf(this.stateOf(organisationId));
  }

  private stateOf(ownerId: string | null): ProjectsState {
    return this.owners.get(ownerId ?? '')?.state ?? noProjects;
  }

  /** @param kind of an owner that may be new */
  private changeProjects(ownerId: string | undefined, kind: ProjectOwnerKind | undefined, event: ProjectEvent): void {
    if (ownerId === undefined) return;
    const known = this.owners.get(ownerId);
    const state = evolveProjects(known?.state ?? noProjects, event);
    if (known) known.state = state;
    else this.owners.set(ownerId, { kind: kind ?? this.kindOf(ownerId), state });
  }

  private kindOf(ownerId: string): ProjectOwnerKind {
    return this.organisations.has(ownerId) ? 'organisation' : 'account';
  }

  private create(event: Extract<AccountEvent, { type: 'AccountCreated' }>): void {
    const { accountId: id, email, role, quotas, organisationId = null, at: createdAt } = event;
    this.accounts.set(id, { id, email, role, quotas, organisationId, createdAt, isDisabled: false });
    this.idsByEmail.set(email.toLowerCase(), id);
    this.owners.set(id, { kind: 'account', state: startingProjects(id) });
    this.ownerOfProject.set(id, id);
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
}
