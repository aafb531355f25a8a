import { PLATFORM, type ProfileDocument } from '../profile-document/profile-document.js';

/** Who wants to use a profile, by ids. */
export interface ProfileUser {
  readonly accountId: string;
  readonly organizationId: string | null;
  /** The project of the task; of somebody who only looks, all that it may use. */
  readonly projects: readonly string[];
}

/** Whether somebody may use a profile: it belongs to the platform or to its organization, and lets it in. */
export const mayUseProfile = (
  owner: string,
  { audience }: Pick<ProfileDocument, 'audience'>,
  { accountId, organizationId, projects }: ProfileUser,
): boolean => {
  if (owner !== PLATFORM && owner !== organizationId) return false;
  if (audience === undefined) return true;
  const { organizations = [], projects: ofProjects = [], users = [] } = audience;
  return (
    users.includes(accountId) ||
    (organizationId !== null && organizations.includes(organizationId)) ||
    projects.some((project) => ofProjects.includes(project))
  );
};
