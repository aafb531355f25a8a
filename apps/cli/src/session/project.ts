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

/** Projects of this slug that organizations have: an operator looks into each of them, where several may call one so. */
const idsInOrganizations = async ({ people }: FornaxClient, slug: string): Promise<readonly string[]> => {
  if ((await people.me()).role !== 'operator') return [];
  const organizations = await people.organizations();
  const projects = await Promise.all(organizations.map(({ uuid }) => people.projects({ organization: uuid })));
  return projects.flat().flatMap((project) => (project.slug === slug ? [project.uuid] : []));
};

/**
 * The id of a project in which the caller has a role, or that it looks after as an operator, by its slug; what is none goes as it was typed, and the
 * platform says what it is.
 * @throws UsageError several organizations have one
 */
export const sharedProjectId = async (io: Io, project: string): Promise<string> => {
  if (UUID.test(project)) return project;
  const client = io.client();
  const known = (await client.people.sharedProjects()).map((one) => one.project);
  const found =
    known.find(({ slug }) => slug === project) ?? (await client.people.projects()).find(({ slug }) => slug === project);
  if (found) return found.uuid;
  const ids = await idsInOrganizations(client, project);
  if (ids.length > 1)
    throw new UsageError(`Several organizations have a project ${project}; say which by its id: ${ids.join(', ')}`);
  return ids[0] ?? project;
};
