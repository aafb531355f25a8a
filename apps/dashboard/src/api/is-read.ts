import type { paths } from './schema.d.ts';

/** Paths whose POST reads: a filter, or what is only tried, is a body. */
type Posted = { [P in keyof paths]: paths[P] extends { post: object } ? P : never }[keyof paths];

/** What is asked for with POST and changes nothing; the platform takes the same ones from who only reads. */
export const READING_POSTS: readonly Posted[] = [
  '/tasks/paginate',
  '/tasks/summaries/paginate',
  '/jobs/paginate',
  '/pools/summaries/paginate',
  '/fornax/v1/projects/{id}/tasks/paginate',
  '/fornax/v1/nodes/search',
  '/fornax/v1/billing/prices/simulate',
];

/** The paths have no letters that mean something else in an expression. */
const patterns = READING_POSTS.map((path) => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`));

/** Whether a request changes nothing, so that it may be cut and made again. */
export const isRead = ({ method, url }: Pick<Request, 'method' | 'url'>): boolean => {
  if (method === 'GET') return true;
  const { pathname } = new URL(url);
  return method === 'POST' && patterns.some((pattern) => pattern.test(pathname));
};
