import type { InstantMs } from '../shared/time.js';
import { accept, reject, type Decision } from '../shared/decider.js';
import { roleAllows, type ProjectRole } from './project-access.js';
import type { ProjectOwner } from './projects.js';

/** Who has which role in a project that an organization shares. */
export type ProjectMemberEvent =
  | {
      /** Added, or given another role. */
      readonly type: 'ProjectMemberSet';
      readonly projectId: string;
      readonly accountId: string;
      readonly role: ProjectRole;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'ProjectMemberRemoved';
      readonly projectId: string;
      readonly accountId: string;
      readonly at: InstantMs;
    };

interface AboutMember {
  readonly projectId: string;
  readonly accountId: string;
  /** The maintainer who asks for it, and must still be one; absent for who looks after the organization. */
  readonly maintainerId?: string;
  readonly at: InstantMs;
}

export type ProjectMemberCommand =
  | (AboutMember & { readonly type: 'SetProjectMember'; readonly role: ProjectRole })
  | (AboutMember & { readonly type: 'RemoveProjectMember' });

/** Roles by account; undefined: nobody was ever given one, and all of the organization use the project. */
export type ProjectMembers = ReadonlyMap<string, ProjectRole> | undefined;

/** Members of one project. */
export const MAX_PROJECT_MEMBERS = 500;

/**
 * What may be done about the members of a project. Rejections: `project-not-shared` (of one account alone), `not-a-maintainer`, `member-not-found`,
 * `too-many-members`. Repeating a command changes nothing.
 */
export const decideMember = (
  { ownerKind }: ProjectOwner,
  members: ProjectMembers,
  command: ProjectMemberCommand,
): Decision<ProjectMemberEvent> => {
  const { projectId, accountId, maintainerId, at } = command;
  if (ownerKind === 'account')
    return reject('invalid', 'project-not-shared', 'A project of one user has no members: use one of the organization');
  // Asked at the very state that is decided on: of two who take the role from each other, the first one stays.
  if (maintainerId !== undefined && !roleAllows(members?.get(maintainerId), 'manage'))
    return reject('forbidden', 'not-a-maintainer', 'Only a maintainer of the project may do this');
  const before = members?.get(accountId);
  if (command.type === 'RemoveProjectMember')
    return before === undefined
      ? reject('not-found', 'member-not-found', 'No such member of the project')
      : accept<ProjectMemberEvent>({ type: 'ProjectMemberRemoved', projectId, accountId, at });
  if (before === command.role) return accept();
  if (before === undefined && (members?.size ?? 0) >= MAX_PROJECT_MEMBERS)
    return reject(
      'forbidden',
      'too-many-members',
      `Maximum number of members of a project reached (${MAX_PROJECT_MEMBERS})`,
    );
  return accept<ProjectMemberEvent>({ type: 'ProjectMemberSet', projectId, accountId, role: command.role, at });
};

/** The members after an event. Once a project had members it is for its members alone, also when the last one has left. */
export const evolveMembers = (members: ProjectMembers, event: ProjectMemberEvent): NonNullable<ProjectMembers> => {
  const after = new Map(members);
  if (event.type === 'ProjectMemberSet') after.set(event.accountId, event.role);
  else after.delete(event.accountId);
  return after;
};
