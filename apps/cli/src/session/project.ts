import type { FornaxClient } from '@fornax/client';
import type { Io } from '../terminal/io.js';
import { UsageError } from './connection.js';

/** @param project id or slug @throws UsageError the account may not use one of this name */
export const projectId = async (io: Io, project: string): Promise<string> => {
  const { projects } = await io.client().info();
  const found = projects.find(({ uuid }) => uuid === project) ?? projects.find(({ slug }) => slug === project);
  if (!found)
    throw new UsageError(`No such project: ${project}. Yours are ${projects.map(({ slug }) => slug).join(', ')}.`);
  return found.uuid;
};

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The id of a project that may be somebody else's: what is no slug of an own one goes as it was typed, and the platform says what it is. */
export const projectNamed = async (io: Io, project: string): Promise<string> => {
  if (UUID.test(project)) return project;
  const info = await io
    .client()
    .info()
    .catch(() => undefined);
  return info?.projects.find(({ slug }) => slug === project)?.uuid ?? project;
};

/** Projects that organizations have, with the names of those: an operator looks into each of them, where several may call one the same. */
const projectsOfOrganizations = async ({ people }: FornaxClient): Promise<readonly NamedProject[]> => {
  const organizations = await people.organizations();
  const projects = await Promise.all(
    organizations.map(async ({ uuid, name: of }) =>
      (await people.projects({ organization: uuid })).map((project) => ({ ...project, of })),
    ),
  );
  return projects.flat();
};

interface NamedProject {
  readonly uuid: string;
  readonly slug: string;
  /** Whose it is, for people. */
  readonly of: string;
}

/**
 * The id of a project in which the caller has a role, or that it looks after as an operator, by its slug; what is none goes as it was typed, and the
 * platform says what it is.
 * @throws UsageError several that an operator may mean are called so, of organizations or its own
 */
export const sharedProjectId = async (io: Io, project: string): Promise<string> => {
  if (UUID.test(project)) return project;
  const client = io.client();
  const own = await client.people.projects();
  if ((await client.people.me()).role !== 'operator') {
    const known = (await client.people.sharedProjects()).map((one) => one.project);
    return [...known, ...own].find(({ slug }) => slug === project)?.uuid ?? project;
  }
  const all = [...own.map((one) => ({ ...one, of: 'your own' })), ...(await projectsOfOrganizations(client))];
  const meant = new Map(all.flatMap(({ uuid, slug, of }) => (slug === project ? [[uuid, of] as const] : [])));
  if (meant.size > 1) {
    const each = [...meant].map(([uuid, of]) => `${uuid} (${of})`).join(', ');
    throw new UsageError(`Several projects are called ${project}; say which by its id: ${each}`);
  }
  return [...meant.keys()][0] ?? project;
};
