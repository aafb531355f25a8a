import { Injectable } from '@nestjs/common';
import type { OwnedProjectCreation, ProjectChange, ProjectCreation, WireOwnedProject } from '@fornax/contracts';
import type { ProjectCommand } from '@fornax/domain';
import { type Account, AccountDirectory, type Project, type RequestContext } from '@fornax/identity';
import { derivedId, Forbidden, newId, NotFound, ValidationFailed } from '@fornax/base';
import { PeopleCommands } from './people-commands.js';
import { Users } from './users.js';
import { wireOwnedProject } from './wire-people.js';

type Owner = Pick<Project, 'ownerId' | 'ownerKind'>;
type Timeless<C> = C extends unknown ? Omit<C, 'at'> : never;

/** Projects of users and organizations. */
@Injectable()
export class Projects {
  constructor(
    private readonly accounts: AccountDirectory,
    private readonly users: Users,
    private readonly commands: PeopleCommands,
  ) {}

  /** What an account may use, then what it has archived. */
  seenBy({ id }: Account): readonly WireOwnedProject[] {
    const usable = this.accounts.usableProjects(id);
    const archived = this.accounts.projectsOf(id).filter(({ isArchived }) => isArchived);
    return [
      ...usable.map((project) => wireOwnedProject(project, project.isDefault, this.accounts)),
      ...archived.map((project) => wireOwnedProject(project, false, this.accounts)),
    ];
  }

  /** All projects of one owner. */
  of(ownerId: string): readonly WireOwnedProject[] {
    return this.accounts.projectsOf(ownerId).map((project) => this.shown(project));
  }

  /** The owner that somebody named. @throws ValidationFailed unless exactly one was */
  ownerOf({ user, organization }: Pick<OwnedProjectCreation, 'user' | 'organization'>): Owner {
    if (user !== undefined && organization === undefined)
      return { ownerId: this.users.find(user).id, ownerKind: 'account' };
    if (organization !== undefined && user === undefined)
      return { ownerId: this.users.organisation(organization).id, ownerKind: 'organisation' };
    throw new ValidationFailed({ user: ['Name a user or an organization, and not both.'] });
  }

  async create(owner: Owner, creation: ProjectCreation, context: RequestContext): Promise<WireOwnedProject> {
    const { name, slug, description = '' } = creation;
    const { idempotencyKey, account } = context;
    const projectId =
      idempotencyKey === undefined ? newId() : derivedId('project', owner.ownerId, account.id, idempotencyKey);
    const facts = { projectId, name, description, ...(slug === undefined ? {} : { slug }) };
    await this.decide(owner, { type: 'CreateProject', ...facts }, context);
    return this.shown(this.find(projectId));
  }

  /** @throws NotFound */
  find(projectId: string): Project {
    const found = this.accounts.project(projectId.toLowerCase());
    if (!found) throw new NotFound(`No such project: ${projectId}`, { code: 'project-not-found' });
    return found;
  }

  /** @throws NotFound */
  read(projectId: string): WireOwnedProject {
    return this.shown(this.find(projectId));
  }

  /** What an operator changes of any project. */
  async change(projectId: string, change: ProjectChange, context: RequestContext): Promise<WireOwnedProject> {
    const project = this.find(projectId);
    await this.apply(project, change, context);
    return this.shown(this.find(project.id));
  }

  /**
   * What a user changes: all of its own projects; of its organization's it may only make one its own default.
   * @param idOrSlug a project of its own goes before one that is shared
   */
  async changeOwn(idOrSlug: string, change: ProjectChange, context: RequestContext): Promise<WireOwnedProject> {
    const { account } = context;
    if (change.quotas !== undefined)
      throw new Forbidden('Only an operator may change the quotas of a project', { code: 'quotas-are-operators' });
    const name = idOrSlug.toLowerCase();
    const known = [...this.accounts.usableProjects(account.id), ...this.accounts.projectsOf(account.id)];
    const project = known.find(({ id }) => id === name) ?? known.find(({ slug }) => slug === name);
    if (!project) throw new NotFound(`No such project: ${idOrSlug}`, { code: 'project-not-found' });
    if (project.ownerId === account.id) await this.apply(project, change, context);
    else await this.adopt(project, change, context);
    return wireOwnedProject(
      this.find(project.id),
      this.accounts.projectFor(account.id, undefined)?.id === project.id,
      this.accounts,
    );
  }

  private async adopt(project: Project, { isDefault, ...rest }: ProjectChange, context: RequestContext): Promise<void> {
    if (Object.keys(rest).length > 0)
      throw new Forbidden('Only an operator may change what an organization shares', { code: 'shared-project' });
    if (isDefault !== true) return;
    await this.commands.account(context.account.id, { type: 'ChooseSharedProject', projectId: project.id }, context);
  }

  private async apply(project: Project, change: ProjectChange, context: RequestContext): Promise<void> {
    const { name, description, isDefault, archived, quotas } = change;
    const { id: projectId } = project;
    if (isDefault === true && archived === true)
      throw new ValidationFailed({ isDefault: ['An archived project is not the default one.'] });
    if (name !== undefined || description !== undefined) {
      const named = { ...(name === undefined ? {} : { name }), ...(description === undefined ? {} : { description }) };
      await this.decide(project, { type: 'RenameProject', projectId, ...named }, context);
    }
    if (quotas !== undefined) await this.decide(project, { type: 'ChangeProjectQuotas', projectId, quotas }, context);
    if (isDefault === true) await this.decide(project, { type: 'ChooseDefaultProject', projectId }, context);
    if (archived === true) await this.decide(project, { type: 'ArchiveProject', projectId }, context);
  }

  private async decide(
    { ownerId, ownerKind }: Owner,
    command: Timeless<ProjectCommand>,
    context: RequestContext,
  ): Promise<void> {
    if (ownerKind === 'account') await this.commands.account(ownerId, command, context);
    else await this.commands.organisation(ownerId, command, context);
  }

  private shown(project: Project): WireOwnedProject {
    const isDefault = this.accounts.defaultProjectOf(project.ownerId) === project.id;
    return wireOwnedProject(project, isDefault, this.accounts);
  }
}
