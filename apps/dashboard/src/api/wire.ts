import type { components, paths } from './schema.d.ts';

type AnswerOf<O> = O extends { responses: { 200: { content: { 'application/json': infer T } } } } ? T : never;

/** What the platform answers to GET of a path. */
export type Read<P extends keyof paths> = AnswerOf<paths[P]['get']>;
type Posted<P extends keyof paths> = AnswerOf<paths[P]['post']>;

export type Me = Read<'/fornax/v1/me'>;
export type TaskPage = Posted<'/tasks/summaries/paginate'>;
export type TaskSummary = TaskPage['data'][number];
export type Task = Read<'/tasks/{id}'>;
export type TaskState = TaskSummary['state'];
export type Profile = Read<'/profiles/{name}'>;
export type TaskFilter = components['schemas']['TaskFilter'];
