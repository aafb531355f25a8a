import { eventTypesOf } from '@fornax/contracts';
import { ValidationFailed } from '@fornax/base';
import type { FeedEntry, FeedEvent } from './feed-entry.js';

/** Which events a reader receives; null means all. */
export interface EventFilter {
  /** Account whose tasks they are about; null: everybody's. */
  readonly owner: string | null;
  readonly tasks: readonly string[] | null;
  readonly types: readonly string[] | null;
}

const TYPES: readonly string[] = (['task', 'snapshot', 'job', 'pool', 'spending'] as const)
  .flatMap((aggregate): readonly string[] => eventTypesOf(aggregate))
  .filter((type) => type !== 'LogProbed');

/** @throws ValidationFailed a name that no event of a task, a snapshot, a job, a pool, credits or a budget has */
export const checkedTypes = (types: readonly string[]): readonly string[] | null => {
  const unknown = types.find((type) => !TYPES.includes(type));
  if (unknown !== undefined)
    throw new ValidationFailed({ types: [`${unknown.slice(0, 80)} is none of ${TYPES.join(', ')}`] });
  return types.length === 0 ? null : types;
};

export const isAbout = ({ owner, tasks }: EventFilter, entry: FeedEntry): boolean =>
  (owner === null || owner === entry.owner) && (tasks === null || tasks.includes(entry.about));

export const eventsFor = (filter: EventFilter, entry: FeedEntry): readonly FeedEvent[] => {
  if (!isAbout(filter, entry)) return [];
  const { types } = filter;
  return types === null ? entry.events : entry.events.filter(({ type }) => types.includes(type));
};
