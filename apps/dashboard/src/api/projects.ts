import { api, bodyOf } from './client.ts';
import type { Read } from './wire.ts';

export type SharedProject = Read<'/fornax/v1/me/shared-projects'>[number];
export type ProjectMember = Read<'/fornax/v1/projects/{id}/members'>[number];
export const PROJECT_ROLES = ['viewer', 'member', 'maintainer'] as const;
export type ProjectRole = (typeof PROJECT_ROLES)[number];

/** Projects of which the reader sees everybody's tasks. */
export const readSharedProjects = (): Promise<readonly SharedProject[]> =>
  bodyOf(api.GET('/fornax/v1/me/shared-projects'));

export const readMembers = (id: string): Promise<readonly ProjectMember[]> =>
  bodyOf(api.GET('/fornax/v1/projects/{id}/members', { params: { path: { id } } }));

interface Member {
  readonly project: string;
  /** Id or e-mail. */
  readonly user: string;
}

export const setMember = ({ project, user, role }: Member & { readonly role: ProjectRole }): Promise<unknown> =>
  bodyOf(
    api.PUT('/fornax/v1/projects/{id}/members/{user}', { params: { path: { id: project, user } }, body: { role } }),
  );

export const removeMember = ({ project, user }: Member): Promise<unknown> =>
  bodyOf(api.DELETE('/fornax/v1/projects/{id}/members/{user}', { params: { path: { id: project, user } } }));
