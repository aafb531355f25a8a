import { ApiError, type FornaxClient } from '@fornax/client';
import { UsageError } from './connection.js';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** The beginning of an id: long enough that nobody means a name by it. */
const BEGINNING = /^[0-9a-f][0-9a-f-]{5,35}$/i;
const MOST_NAMED = 5;

type Asked = Pick<FornaxClient, 'getTask' | 'listTasks'>;

/**
 * The id of a task that somebody names by its id, its shortname, its name, or the beginning of its id.
 * @returns what was typed where nothing is found, or nobody knows whether: the platform says so better, and no other task is taken for the one that is meant
 * @throws UsageError several tasks are meant
 */
export const taskNamed = async (client: Asked, text: string): Promise<string> => {
  if (UUID.test(text)) return text;
  const isNone = await client.getTask(text).then(
    () => false,
    (error: unknown) => error instanceof ApiError && error.status === 404,
  );
  if (!isNone) return text;
  const named = await client
    .listTasks({ filter: { operator: 'Equal', field: 'Name', value: text }, limit: MOST_NAMED + 1 })
    .catch(() => undefined);
  if (named === undefined) return text;
  const found =
    named.length > 0 || !BEGINNING.test(text)
      ? named
      : (await client.listTasks().catch(() => [])).filter(({ uuid }) => uuid.startsWith(text.toLowerCase()));
  const [first, second] = found;
  if (first === undefined) return text;
  if (second === undefined) return first.uuid;
  const shown = found
    .slice(0, MOST_NAMED)
    .map(({ uuid, state, creationDate }) => `  ${uuid}  ${state}  ${creationDate}`);
  const more = found.length > MOST_NAMED ? ['  …'] : [];
  throw new UsageError([`${text} are several tasks, newest first; say which by its id:`, ...shown, ...more].join('\n'));
};
