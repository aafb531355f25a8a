import { taskSchema, type SearchRequest, type WireTask } from '@fornax/contracts';

/** What the clients cannot do without, or cannot take as null, stays in every answer (contract, section 3.0). */
const ALWAYS = [
  'uuid',
  'creationDate',
  'errors',
  'constants',
  'completedInstances',
  'hardwareConstraints',
  'forcedNetworkRules',
  'resultsCount',
  'snapshotInterval',
  'instanceCount',
  'maxRetriesPerInstance',
  'privileges',
  'retrySettings',
  'secretsAccessRights',
  'stateTransitionTime',
  'previousStateTransitionTime',
  'lastModified',
  'endDate',
  'autoDeleteOnCompletion',
  'completionTimeToLive',
] as const satisfies readonly (keyof WireTask)[];

type Always = (typeof ALWAYS)[number];
/** A task of which some fields were asked for. */
export type SelectedTask = Pick<WireTask, Always> & Partial<Omit<WireTask, Always>>;

export const selectedTaskSchema = taskSchema
  .partial()
  .required(Object.fromEntries(ALWAYS.map((field) => [field, true])) as Record<Always, true>);

const isName = (item: unknown): item is string => typeof item === 'string';

/** A list of names, or an object whose `Fields` is one (contract, section 1.12). */
const namesIn = (select: SearchRequest['select']): readonly string[] => {
  if (select === undefined) return [];
  if (Array.isArray(select)) return select;
  const fields = Object.entries(select).find(([key]) => key.toLowerCase() === 'fields')?.[1];
  return Array.isArray(fields) ? fields.filter(isName) : [];
};

/**
 * How to cut tasks down to the fields that were selected, in any case; a dotted name selects its first part, an unknown one nothing. All fields
 * when none was named.
 */
export const selectionOf = (select: SearchRequest['select']): ((task: WireTask) => SelectedTask) => {
  const names = namesIn(select);
  if (names.length === 0) return (task) => task;
  const kept = new Set([
    ...ALWAYS.map((field) => field.toLowerCase()),
    ...names.map((name) => (name.split('.', 1)[0] ?? '').toLowerCase()),
  ]);
  const cut = (task: WireTask): Partial<WireTask> =>
    Object.fromEntries(Object.entries(task).filter(([field]) => kept.has(field.toLowerCase())));
  return (task) => cut(task) as SelectedTask;
};
