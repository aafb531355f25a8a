import {
  defaultProjectOf,
  evolveProjects,
  noProjects,
  roleAllows,
  sharedDefaultOf,
  SpendingHolds,
  startingProjects,
  type AccountEvent,
  type ProjectEvent,
  type ProjectOwnerKind,
  type ProjectRole,
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
  private readonly idsByIdentity = new Map<string, string>();
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
      case 'IdentityLinked': {
        // Whoever had it first keeps it.
        const key = identityKey(event.issuer, event.subject);
        if (!this.idsByIdentity.has(key)) this.idsByIdentity.set(key, event.accountId);
        return;
      }
      case 'IdentityUnlinked': {
        const key = identityKey(event.issuer, event.subject);
        if (this.idsByIdentity.get(key) === event.accountId) this.idsByIdentity.delete(key);
        return;
      }
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
      case 'ProjectMemberSet':
      case 'ProjectMemberRemoved':
        return this.changeProjects(this.ownerOfProject.get(event.projectId), undefined, event);
      case 'DefaultProjectChosen':
        return this.changeProjects(event.ownerId, undefined, event);
    }
  }

  /** The account of whom an OpenID provider calls so. */
  idOfIdentity(issuer: string, subject: string): string | undefined {
    return this.idsByIdentity.get(identityKey(issuer, subject));
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
    return listed(ownerId, owner.kind, owner.state);
  }

  /** Open projects that an account may use, its own first. */
  usableBy({ id, organisationId }: AccountRecord): readonly UsableProject[] {
    const own = this.stateOf(id);
    const shared = submittable(this.stateOf(organisationId), id);
    const open = [
      ...listed(id, 'account', own),
      ...(organisationId === null ? [] : listed(organisationId, 'organisation', shared)),
    ].filter(({ isArchived }) => !isArchived);
    const defaultId = defaultProjectOf(id, own, shared);
    return open.map((project) => ({ ...project, isDefault: project.id === defaultId }));
  }

  /** The role that an account has in a project now: it must be of the organization that shares it. */
  roleIn(
    { id, organisationId }: Pick<AccountRecord, 'id' | 'organisationId'>,
    projectId: string,
  ): ProjectRole | undefined {
    if (organisationId === null || this.ownerOfProject.get(projectId) !== organisationId) return undefined;
    return this.stateOf(organisationId).projects.get(projectId)?.members?.get(id);
  }

  /** The roles that an account has now, by project; archived projects are among them. */
  rolesOf({ id, organisationId }: Pick<AccountRecord, 'id' | 'organisationId'>): ReadonlyMap<string, ProjectRole> {
    const roles = new Map<string, ProjectRole>();
    if (organisationId === null) return roles;
    for (const [projectId, { members }] of this.stateOf(organisationId).projects) {
      const role = members?.get(id);
      if (role !== undefined) roles.set(projectId, role);
    }
    return roles;
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

const identityKey = (issuer: string, subject: string): string => JSON.stringify([issuer, subject]);

const listed = (ownerId: string, ownerKind: ProjectOwnerKind, { projects }: ProjectsState): readonly Project[] =>
  [...projects].map(([id, project]) => ({ id, ownerId, ownerKind, ...project }));

/** What of an organization's projects one of its accounts may put tasks into: those without members, and those where it is one. */
const submittable = (state: ProjectsState, accountId: string): ProjectsState => ({
  ...state,
  projects: new Map(
    [...state.projects].filter(([, { members }]) => !members || roleAllows(members.get(accountId), 'submit')),
  ),
});
