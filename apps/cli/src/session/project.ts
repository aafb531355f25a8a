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
