import { Injectable } from '@nestjs/common';
import type { ProjectMemberChange, WireProjectMember, WireSharedProject } from '@fornax/contracts';
import type { ProjectMemberCommand } from '@fornax/domain';
import { type Account, AccountDirectory, type Project, type RequestContext } from '@fornax/identity';
import { Forbidden, NotFound } from '@fornax/base';
import { PeopleCommands } from './people-commands.js';
import { wireOwnedProject } from './wire-people.js';

type Asked<C> = C extends unknown ? Omit<C, 'at' | 'maintainerId'> : never;

/** Members of the projects that organizations share: their maintainers say who they are, and who looks after the organization. */
@Injectable()
export class ProjectMembers {
  constructor(
    private readonly accounts: AccountDirectory,
    private readonly commands: PeopleCommands,
  ) {}

  /** By e-mail. @throws NotFound also for a project that the caller may not see */
  of(caller: Account, projectId: string): readonly WireProjectMember[] {
    const { members } = this.seen(caller, projectId);
    return [...(members ?? [])]
      .map(([id, role]) => ({ user: this.named(id), role }))
      .sort((one, other) => one.user.name.localeCompare(other.user.name, 'en'));
  }

  /** The projects of its organization of which an account sees everybody's tasks, archived ones too. */
  seenBy(account: Account): readonly WireSharedProject[] {
    const ofOrganization = account.organisationId === null ? [] : this.accounts.projectsOf(account.organisationId);
    const defaultId = this.accounts.projectFor(account.id, undefined)?.id;
    return ofOrganization
      .filter(({ id }) => this.accounts.sharedProject(account, id, 'look'))
      .map((project) => ({
        project: wireOwnedProject(project, project.id === defaultId, this.accounts),
        role: this.accounts.roleIn(account, project.id) ?? null,
        mayManage: this.accounts.sharedProject(account, project.id, 'manage') !== undefined,
      }));
  }

  /**
   * Adds a member, or gives one another role.
   * @param user id or e-mail of somebody of the organization
   * @throws NotFound, Forbidden, CommandRejected
   */
  async set(
    projectId: string,
    user: string,
    { role }: ProjectMemberChange,
    context: RequestContext,
  ): Promise<WireProjectMember> {
    const project = this.managed(context.account, projectId);
    const account = this.accounts.find(user);
    // In the same words for who is elsewhere and who is nowhere: nobody learns here which accounts there are.
    if (account?.organisationId !== project.ownerId)
      throw new NotFound(`Nobody of the organization is called ${user}`, { code: 'account-not-found' });
    await this.decide(
      project,
      { type: 'SetProjectMember', projectId: project.id, accountId: account.id, role },
      context,
    );
    return { user: this.named(account.id), role };
  }

  /** From the answer on the member sees nothing of others in the project. @throws NotFound, Forbidden, CommandRejected */
  async remove(projectId: string, user: string, context: RequestContext): Promise<void> {
    const project = this.managed(context.account, projectId);
    // Also somebody who has left the organization since.
    const account = this.accounts.find(user);
    if (!account || project.members?.has(account.id) !== true)
      throw new NotFound(`No such member of the project: ${user}`, { code: 'member-not-found' });
    await this.decide(project, { type: 'RemoveProjectMember', projectId: project.id, accountId: account.id }, context);
  }

  private named(id: string): WireProjectMember['user'] {
    return { uuid: id, name: this.accounts.byId(id)?.email ?? id };
  }

  private seen(caller: Account, projectId: string): Project {
    const project = this.accounts.sharedProject(caller, projectId, 'look');
    if (!project) throw new NotFound(`No such project: ${projectId}`, { code: 'project-not-found' });
    return project;
  }

  private managed(caller: Account, projectId: string): Project {
    const project = this.seen(caller, projectId);
    if (this.accounts.sharedProject(caller, projectId, 'manage') === undefined)
      throw new Forbidden('Only a maintainer of the project may do this', { code: 'not-a-maintainer' });
    return project;
  }

  /** Who acts by a role in the project must have it still when it is decided; who looks after the organization acts anyway. */
  private async decide(project: Project, command: Asked<ProjectMemberCommand>, context: RequestContext): Promise<void> {
    const { id, role } = context.account;
    const asMaintainer = role === 'user' ? { maintainerId: id } : {};
    await this.commands.organisation(project.ownerId, { ...command, ...asMaintainer }, context);
  }
}
