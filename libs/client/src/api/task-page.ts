import type { WireTaskSummary } from '@fornax/contracts';
import type { PageOf } from './pages.js';
import type { Parser } from './wire-types.js';

/** What lists show of a task. */
export type ListedTask = Pick<
  WireTaskSummary,
  'uuid' | 'name' | 'state' | 'progress' | 'instanceCount' | 'advancedRanges' | 'runningInstanceCount' | 'creationDate'
>;

const TEXTS = ['uuid', 'name', 'state', 'creationDate'] as const satisfies readonly (keyof ListedTask)[];
const NUMBERS = ['progress', 'instanceCount', 'runningInstanceCount'] as const satisfies readonly (keyof ListedTask)[];

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

const isTask = (value: unknown): value is ListedTask => {
  if (!isFields(value)) return false;
  for (const name of TEXTS) if (typeof value[name] !== 'string') return false;
  for (const name of NUMBERS) if (typeof value[name] !== 'number') return false;
  return value['advancedRanges'] === null || typeof value['advancedRanges'] === 'string';
};

/**
 * Reads a page of tasks, and checks of each what lists show. By hand: the schema of a task, and Zod itself, take longer to be there than a list of
 * 1,500 tasks takes otherwise.
 */
export const taskPage: Parser<PageOf<ListedTask>> = {
  parse: (input) => {
    if (isFields(input)) {
      const { data, nextToken } = input;
      if (Array.isArray(data) && data.every(isTask) && (nextToken === null || typeof nextToken === 'string'))
        return { data, nextToken };
    }
    throw new Error('What the platform answered is no page of tasks: it is another version, or no platform.');
  },
};
