import type { components, paths } from './schema.d.ts';

type AnswerOf<O> = O extends { responses: { 200: { content: { 'application/json': infer T } } } } ? T : never;

/** What the platform answers to GET of a path. */
export type Read<P extends keyof paths> = AnswerOf<paths[P]['get']>;
type Posted<P extends keyof paths> = AnswerOf<paths[P]['post']>;

export type Me = Read<'/fornax/v1/me'>;
export type TaskPage = Posted<'/tasks/summaries/paginate'>;
/** A page of the reader's own tasks, or of everybody's in a project, which say whose they are. */
export type ListedPage = TaskPage | Posted<'/fornax/v1/projects/{id}/tasks/paginate'>;
export type ListedTask = TaskSummary & { readonly owner?: TaskRights['owner'] };
/** Whose something is, and what the reader may do with it. */
export type Rights = Read<'/fornax/v1/pools/{id}/rights'>;
export type TaskRights = Read<'/fornax/v1/tasks/{id}/rights'>;
export type TaskSummary = TaskPage['data'][number];
export type Task = Read<'/tasks/{id}'>;
export type TaskState = TaskSummary['state'];
export type Profile = Read<'/profiles/{name}'>;
export type TaskFilter = components['schemas']['TaskFilter'];
