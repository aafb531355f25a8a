import type { JobDocument } from '@fornax/contracts';

type Errors = Readonly<Record<string, readonly string[]>>;

/** Fields of a task that a document has beside its tasks, under the name that it has there. */
const COMMON: Readonly<Record<string, string>> = { profile: 'profile', projectUuid: 'project', poolUuid: 'pool' };

/** Where in a document a field of one of its tasks, or of its job, comes from. */
const placeOf = ({ tasks }: JobDocument, path: string): string => {
  const [, at, field = path] = /^tasks\[(\d+)\]\.(.+)$/.exec(path) ?? [];
  if (field === 'fornax.each') return `tasks[${at}].matrix`;
  const isOwn = at !== undefined && field === 'profile' && tasks[Number(at)]?.profile !== undefined;
  return (isOwn ? undefined : COMMON[field]) ?? path;
};

/** What is wrong with a document, by the names that it has for its fields: once, where many tasks have it in common. */
export const inFieldsOf = (document: JobDocument, errors: Errors): Errors => {
  const named: Record<string, readonly string[]> = {};
  for (const [path, texts] of Object.entries(errors)) named[placeOf(document, path)] ??= texts;
  return named;
};
