import { PAGE_SIZE } from './page-size.ts';
import { filterValue } from '../address/conditions.ts';
import { escaped } from '../address/escaped.ts';
import type { TasksSearch, StateGroup } from '../address/search.ts';
import { api, bodyOf } from './client.ts';
import type { ListedPage, Task, TaskFilter, TaskRights, TaskState, TaskSummary } from './wire.ts';

const STATES_OF: Readonly<Record<StateGroup, readonly TaskState[]>> = {
  waiting: ['Submitted', 'PartiallyDispatched', 'FullyDispatched'],
  running: ['PartiallyExecuting', 'FullyExecuting', 'UploadingResults', 'PendingCancel'],
  success: ['Success'],
  failure: ['Failure'],
  cancelled: ['Cancelled'],
};

/** What the address of the page asks for, in the language of filters. */
const filterOf = ({ state, name, tag, project, everybody, ids, where = [] }: TasksSearch): TaskFilter | undefined => {
  const filters: TaskFilter[] = [];
  if (state !== undefined) filters.push({ operator: 'In', field: 'State', values: STATES_OF[state] });
  if (name !== undefined) filters.push({ operator: 'Like', field: 'Name', value: `^${escaped(name)}` });
  if (tag !== undefined) filters.push({ operator: 'Equal', field: 'Tags', value: tag });
  // Of a whole project it is said in the path.
  if (project !== undefined && everybody !== true)
    filters.push({ operator: 'Equal', field: 'ProjectUuid', value: project });
  if (ids !== undefined) filters.push({ operator: 'In', field: 'Uuid', values: ids.split(',') });
  for (const condition of where) {
    const value = filterValue(condition);
    if (value !== undefined) filters.push({ operator: condition.is, field: condition.field, value });
  }
  return filters.length === 0 ? undefined : { operator: 'And', filters };
};

/** One page of tasks in short. @param token of the page before; empty for the first one */
export const readTaskPage = (search: TasksSearch, token: string): Promise<ListedPage> => {
  const filter = filterOf(search);
  const body = {
    maximumResults: PAGE_SIZE,
    orderBy: search.order ?? 'creationDate',
    orderType: search.ascending === true ? 'ASC' : 'DESC',
    ...(filter === undefined ? {} : { filter }),
    ...(token === '' ? {} : { token }),
  };
  if (search.project !== undefined && search.everybody === true)
    return bodyOf(
      api.POST('/fornax/v1/projects/{id}/tasks/paginate', { params: { path: { id: search.project } }, body }),
    );
  return bodyOf(api.POST('/tasks/summaries/paginate', { body }));
};

/** What people call tasks, by their ids: of one's own, and of the first hundred that are asked for. */
export const readTaskNames = async (ids: readonly string[]): Promise<ReadonlyMap<string, string>> => {
  if (ids.length === 0) return new Map();
  const { data } = await readTaskPage({ ids: ids.slice(0, PAGE_SIZE).join(',') }, '');
  return new Map(data.map(({ uuid, name }) => [uuid, name]));
};

/** Whose a task is, and what may be done with it. */
export const readRights = (id: string): Promise<TaskRights> =>
  bodyOf(api.GET('/fornax/v1/tasks/{id}/rights', { params: { path: { id } } }));

/** How many tasks are like this. */
export const countTasks = async (search: TasksSearch): Promise<number> => {
  const filter = filterOf(search);
  const body = { maximumResults: 1, ...(filter === undefined ? {} : { filter }) };
  const { total } = await bodyOf(api.POST('/tasks/summaries/paginate', { body }));
  return total;
};

/** Tasks in short as they are now, of those that are still there. */
export const readSummaries = async (ids: readonly string[]): Promise<readonly TaskSummary[]> => {
  const filter = { operator: 'In', field: 'Uuid', values: ids };
  const { data } = await bodyOf(
    api.POST('/tasks/summaries/paginate', { body: { maximumResults: ids.length, filter } }),
  );
  return data;
};

export const readTask = (id: string, asOf: string | undefined): Promise<Task> => {
  const path = { id };
  if (asOf === undefined) return bodyOf(api.GET('/tasks/{id}', { params: { path } }));
  return bodyOf(api.GET('/fornax/v1/tasks/{id}', { params: { path, query: { asOf } } }));
};

/** What is done to tasks. */
export const ACTIONS = {
  abort: { label: 'Abort', run: (id: string) => bodyOf(api.POST('/tasks/{id}/abort', { params: { path: { id } } })) },
  retry: { label: 'Retry', run: (id: string) => bodyOf(api.POST('/tasks/{id}/retry', { params: { path: { id } } })) },
  resume: {
    label: 'Resume',
    run: (id: string) => bodyOf(api.POST('/tasks/{id}/resume', { params: { path: { id } } })),
  },
  recover: {
    label: 'Recover',
    run: (id: string) => bodyOf(api.POST('/tasks/{id}/recover', { params: { path: { id } } })),
  },
  clone: { label: 'Clone', run: (id: string) => bodyOf(api.POST('/tasks/{id}/clone', { params: { path: { id } } })) },
  delete: { label: 'Delete', run: (id: string) => bodyOf(api.DELETE('/tasks/{id}', { params: { path: { id } } })) },
} as const;
export type Action = keyof typeof ACTIONS;
