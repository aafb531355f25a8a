import type { AccountRole } from './account.events.js';

/** `viewer` sees what is in a project, `member` puts tasks into it, too, and `maintainer` looks after all of its tasks and says who its members are. */
export const PROJECT_ROLES = ['viewer', 'member', 'maintainer'] as const;
export type ProjectRole = (typeof PROJECT_ROLES)[number];

/** What somebody wants with a project or with what is in it; `tend` is to stop, delete and refresh what is another's. */
export type ProjectNeed = 'look' | 'submit' | 'tend' | 'manage';

/** The lowest role that may do each. */
const LOWEST: Readonly<Record<ProjectNeed, ProjectRole>> = {
  look: 'viewer',
  submit: 'member',
  tend: 'maintainer',
  manage: 'maintainer',
};

/** Tells whether a role in a project is enough; no role never is. */
export const roleAllows = (role: ProjectRole | undefined, need: ProjectNeed): boolean =>
  role !== undefined && PROJECT_ROLES.indexOf(role) >= PROJECT_ROLES.indexOf(LOWEST[need]);

/** Who asks, as far as it decides what they may. */
export interface Caller {
  readonly id: string;
  readonly role: AccountRole;
  readonly organisationId: string | null;
  /** Who really asks, when this account is only read as. */
  readonly readBy?: string | undefined;
}

/** What is asked for: something that an account owns and that may lie in a project. */
export interface OwnedThing {
  readonly ownerId: string;
  readonly ownerOrganisationId: string | null | undefined;
  /** The role of who asks in the project of it. */
  readonly projectRole?: ProjectRole | undefined;
}

/**
 * Tells whether somebody may look at what an account owns, or tend to it: stop, delete and refresh it. An operator does both for everybody, a coordinator for
 * its organization; an auditor only looks, whatever its roles in projects are. Members of a project do what their role there says. Whoever reads as somebody
 * else looks at what that account owns and at what is in the projects that it is a member of: these are of its organization, and so is who may read as it, but
 * for operators.
 */
export const mayReach = (
  { id, role, organisationId, readBy }: Caller,
  { ownerId, ownerOrganisationId, projectRole }: OwnedThing,
  need: 'look' | 'tend',
): boolean => {
  if (id === ownerId) return true;
  if (readBy !== undefined) return need === 'look' && roleAllows(projectRole, need);
  if (role === 'operator') return true;
  if (role === 'auditor' && need !== 'look') return false;
  if (roleAllows(projectRole, need)) return true;
  const isColleague = organisationId !== null && ownerOrganisationId === organisationId;
  return isColleague && (role === 'coordinator' || role === 'auditor');
};

/** A project of an organization, and the role that who asks has in it. */
export interface SharedProject {
  readonly organisationId: string;
  readonly projectRole: ProjectRole | undefined;
}

/** Tells whether somebody may see a whole project, or say who its members are. The same hold as for what is in it. */
export const mayUseProject = (
  caller: Caller,
  { organisationId, projectRole }: SharedProject,
  need: 'look' | 'manage',
): boolean =>
  mayReach(
    caller,
    // Nobody owns it: it is as what another member of the organization owns in it.
    { ownerId: `organisation ${organisationId}`, ownerOrganisationId: organisationId, projectRole },
    need === 'look' ? 'look' : 'tend',
  );
