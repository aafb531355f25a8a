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

/** The id of a project in which the caller has a role, by its slug; what is none goes as it was typed, and the platform says what it is. */
export const sharedProjectId = async (io: Io, project: string): Promise<string> => {
  if (UUID.test(project)) return project;
  const { people } = io.client();
  const known = (await people.sharedProjects()).map((one) => one.project);
  const found =
    known.find(({ slug }) => slug === project) ?? (await people.projects()).find(({ slug }) => slug === project);
  return found?.uuid ?? project;
};
