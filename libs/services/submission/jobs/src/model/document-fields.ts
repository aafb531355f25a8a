import type { JobDocument } from '@fornax/contracts';

type Errors = Readonly<Record<string, readonly string[]>>;

/** Fields of a task that a document has beside its tasks, under the name that it has there. */
const COMMON: Readonly<Record<string, string>> = { projectUuid: 'project', poolUuid: 'pool' };
/** Fields that a task has of its own, or of the document. */
const INHERITED = ['profile', 'resourceBuckets', 'resultBucket'] as const;

/** Where in a document a field of one of its tasks, or of its job, comes from. */
const placeOf = ({ tasks }: JobDocument, path: string): string => {
  const [, at, field = path] = /^tasks\[(\d+)\]\.(.+)$/.exec(path) ?? [];
  if (field === 'fornax.each') return `tasks[${at}].matrix`;
  const inherited = INHERITED.find((name) => field === name || field.startsWith(`${name}[`));
  if (at !== undefined && inherited !== undefined && tasks[Number(at)]?.[inherited] === undefined) return field;
  return COMMON[field] ?? path;
};

/** What is wrong with a document, by the names that it has for its fields: once, where many tasks have it in common. */
export const inFieldsOf = (document: JobDocument, errors: Errors): Errors => {
  const named: Record<string, readonly string[]> = {};
  for (const [path, texts] of Object.entries(errors)) named[placeOf(document, path)] ??= texts;
  return named;
};
