import { ApiError, type FornaxClient } from '@fornax/client';
import { UsageError } from './connection.js';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** The beginning of an id: long enough that nobody means a name by it. */
const BEGINNING = /^[0-9a-f][0-9a-f-]{5,35}$/i;
const MOST_NAMED = 5;

interface Listed {
  readonly uuid: string;
  readonly name: string;
  readonly state: string;
  readonly creationDate: string;
}

/** Where objects of one kind are looked up. */
interface Place {
  /** As people call several of them. */
  readonly what: string;
  /** By id or shortname. @throws ApiError 404 there is none */
  readonly get: (id: string) => Promise<unknown>;
  /** Newest first, at most so many. */
  readonly named: (name: string, most: number) => Promise<readonly Listed[]>;
  readonly all: () => Promise<readonly Listed[]>;
}

/**
 * The id of what somebody names by its id, its shortname, its name, or the beginning of its id.
 * @returns what was typed where nothing is found, or nobody knows whether: the platform says so better, and no other one is taken for the one that is meant
 * @throws UsageError several are meant
 */
const idNamed = async ({ what, get, named, all }: Place, text: string): Promise<string> => {
  if (UUID.test(text)) return text;
  const isNone = await get(text).then(
    () => false,
    (error: unknown) => error instanceof ApiError && error.status === 404,
  );
  if (!isNone) return text;
  const ofName = await named(text, MOST_NAMED + 1).catch(() => undefined);
  if (ofName === undefined) return text;
  const found =
    ofName.length > 0 || !BEGINNING.test(text)
      ? ofName
      : (await all().catch(() => [])).filter(({ uuid }) => uuid.startsWith(text.toLowerCase()));
  const [first, second] = found;
  if (first === undefined) return text;
  if (second === undefined) return first.uuid;
  const shown = found
    .slice(0, MOST_NAMED)
    .map(({ uuid, state, creationDate }) => `  ${uuid}  ${state}  ${creationDate}`);
  const more = found.length > MOST_NAMED ? ['  …'] : [];
  throw new UsageError(
    [`${text} are several ${what}, newest first; say which by its id:`, ...shown, ...more].join('\n'),
  );
};

type Asked = Pick<FornaxClient, 'getTask' | 'listTasks'>;

export const taskNamed = (client: Asked, text: string): Promise<string> =>
  idNamed(
    {
      what: 'tasks',
      get: (id) => client.getTask(id),
      named: (name, limit) => client.listTasks({ filter: { operator: 'Equal', field: 'Name', value: name }, limit }),
      all: () => client.listTasks(),
    },
    text,
  );

/** Of what is listed as a whole: there are few of them. */
const ofFew =
  (what: string, { get, list }: { get: (id: string) => Promise<unknown>; list: () => Promise<readonly Listed[]> }) =>
  (text: string): Promise<string> =>
    idNamed({ what, get, named: async (name) => (await list()).filter((one) => one.name === name), all: list }, text);

export const jobNamed = ({ jobs }: Pick<FornaxClient, 'jobs'>, text: string): Promise<string> =>
  ofFew('jobs', { get: (id) => jobs.get(id), list: () => jobs.list() })(text);

export const poolNamed = ({ pools }: Pick<FornaxClient, 'pools'>, text: string): Promise<string> =>
  ofFew('pools', { get: (id) => pools.get(id), list: () => pools.list() })(text);
