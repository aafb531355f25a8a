import { api, bodyOf } from './client.ts';
import { readTaskPage } from './tasks.ts';

/** Tasks that have something in common, of those that were looked at. */
export interface Group {
  readonly name: string;
  readonly ids: readonly string[];
}

/** So many of the newest tasks are looked at: the rest is in the lists. */
export const MOST_LOOKED_AT = 50;
const AT_ONCE = 6;

const groupsOf = (found: readonly (readonly [name: string, id: string])[]): readonly Group[] => {
  const groups = new Map<string, string[]>();
  for (const [name, id] of found) groups.set(name, [...(groups.get(name) ?? []), id]);
  return [...groups].map(([name, ids]) => ({ name, ids })).toSorted((a, b) => b.ids.length - a.ids.length);
};

/** Why the newest tasks wait that do, by reason. */
export const readWaiting = async (): Promise<readonly Group[]> => {
  const { data } = await readTaskPage({ state: 'waiting' }, '');
  const left = data.slice(0, MOST_LOOKED_AT).map(({ uuid }) => uuid);
  const found: (readonly [string, string])[] = [];
  const worker = async (): Promise<void> => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      const current = id;
      const path = { id: current };
      // One that is gone meanwhile does not wait any more.
      const answer = await bodyOf(api.GET('/fornax/v1/tasks/{id}/waiting', { params: { path } })).catch(
        () => undefined,
      );
      if (answer !== undefined) found.push([answer.reason ?? 'about to start', current]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return groupsOf(found);
};

/** What the newest tasks failed of that did, by the code of their first error. */
export const readFailures = async (): Promise<readonly Group[]> => {
  const filter = { operator: 'Equal', field: 'State', value: 'Failure' };
  const body = { maximumResults: MOST_LOOKED_AT, orderBy: 'creationDate', orderType: 'DESC', filter };
  const { data } = await bodyOf(api.POST('/tasks/paginate', { body }));
  return groupsOf(data.map(({ errors, uuid }) => [errors[0]?.code ?? 'no error is told', uuid] as const));
};
