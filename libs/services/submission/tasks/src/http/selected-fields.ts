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
 * How to cut objects down to the fields that were selected, in any case; a dotted name selects its first part, an unknown one nothing. All
 * fields when none was named.
 * @param always fields that stay
 */
export const cutTo =
  <T extends object, A extends keyof T & string>(always: readonly A[]) =>
  (select: SearchRequest['select']): ((whole: T) => Pick<T, A> & Partial<Omit<T, A>>) => {
    const names = namesIn(select);
    if (names.length === 0) return (whole) => whole;
    const kept = new Set([
      ...always.map((field) => field.toLowerCase()),
      ...names.map((name) => (name.split('.', 1)[0] ?? '').toLowerCase()),
    ]);
    const cut = (whole: T): Partial<T> =>
      Object.fromEntries(Object.entries(whole).filter(([field]) => kept.has(field.toLowerCase()))) as Partial<T>;
    return (whole) => cut(whole) as Pick<T, A> & Partial<Omit<T, A>>;
  };

export const selectionOf = cutTo<WireTask, Always>(ALWAYS);
