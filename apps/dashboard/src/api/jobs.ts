import type { JobsSearch } from '../address/page-search.ts';
import { escaped } from '../address/escaped.ts';
import { api, bodyOf } from './client.ts';
import type { paths } from './schema.d.ts';
import type { Read, Rights, TaskFilter, TaskState } from './wire.ts';

export type JobGraph = Read<'/fornax/v1/jobs/{id}/graph'>;
export type Job = Read<'/fornax/v1/jobs/{id}'>;
export type JobPage = paths['/jobs/paginate']['post']['responses'][200]['content']['application/json'];

const PAGE_SIZE = 50;

/** One page of jobs, newest first. @param token of the page before; empty for the first one */
export const readJobPage = ({ state, name }: JobsSearch, token: string): Promise<JobPage> => {
  const filters: TaskFilter[] = [];
  if (state !== undefined) filters.push({ operator: 'Equal', field: 'State', value: state });
  if (name !== undefined) filters.push({ operator: 'Like', field: 'Name', value: `^${escaped(name)}` });
  const body = {
    maximumResults: PAGE_SIZE,
    orderBy: 'creationDate',
    orderType: 'DESC',
    ...(filters.length === 0 ? {} : { filter: { operator: 'And', filters } }),
    ...(token === '' ? {} : { token }),
  };
  return bodyOf(api.POST('/jobs/paginate', { body }));
};

export const readJob = (id: string): Promise<Job> =>
  bodyOf(api.GET('/fornax/v1/jobs/{id}', { params: { path: { id } } }));

/** Whose a job is, and what may be done with it. */
export const readJobRights = (id: string): Promise<Rights> =>
  bodyOf(api.GET('/fornax/v1/jobs/{id}/rights', { params: { path: { id } } }));

export const readGraph = (id: string): Promise<JobGraph> =>
  bodyOf(api.GET('/fornax/v1/jobs/{id}/graph', { params: { path: { id } } }));

export const endJob = (id: string): Promise<unknown> =>
  bodyOf(api.POST('/jobs/{id}/terminate', { params: { path: { id } } }));

export const deleteJob = (id: string): Promise<unknown> =>
  bodyOf(api.DELETE('/jobs/{id}', { params: { path: { id } } }));

/** The state of a task in a graph, which the document of the API calls a text. */
export const stateIn = (task: JobGraph['tasks'][number]): TaskState => task.state as TaskState;
