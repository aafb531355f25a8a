import type { BillingSearch, Dimension } from '../address/page-search.ts';
import { api, bodyOf } from './client.ts';
import type { paths } from './schema.d.ts';
import type { Read } from './wire.ts';

export type Statement = Read<'/fornax/v1/billing/statements'>;
export type StatementRow = Statement['rows'][number];
export type Budget = Read<'/fornax/v1/billing/budgets'>[number];
export type Rating = Read<'/fornax/v1/billing/ratings/{id}'>;
/** A price list as the document that says it. */
export type Prices = paths['/fornax/v1/billing/prices']['post']['requestBody']['content']['application/json'];
type RatingRequest = paths['/fornax/v1/billing/ratings']['post']['requestBody']['content']['application/json'];

/** So many rows are shown. */
const SHOWN_ROWS = 1_000;
/** Among so many of all rows, page by page, those are looked for that were gone into. */
const MOST_ROWS = 100_000;
const PAGE_ROWS = 10_000;
export const timeZone = new Intl.DateTimeFormat().resolvedOptions().timeZone;

const dayAfter = (day: string): string => {
  const next = new Date(`${day}T00:00:00Z`);
  next.setUTCDate(next.getUTCDate() + 1);
  return next.toISOString().slice(0, 10);
};

/** The period of the address, as the API takes it: its end is the first instant that does not count. */
export const periodOf = ({ from, to }: Pick<BillingSearch, 'from' | 'to'>): { from: string; to?: string } => ({
  from: from ?? 'month',
  ...(to === undefined ? {} : { to: dayAfter(to) }),
});

/** What was gone into: a dimension, and which one of it. */
export const insideOf = (only: string | undefined): readonly [dimension: Dimension, value: string] | undefined => {
  const at = only?.indexOf(':') ?? -1;
  return only === undefined || at < 0 ? undefined : [only.slice(0, at) as Dimension, only.slice(at + 1)];
};

type StatementQuery = NonNullable<paths['/fornax/v1/billing/statements']['get']['parameters']['query']>;
const askStatement = (query: StatementQuery): Promise<Statement> =>
  bodyOf(api.GET('/fornax/v1/billing/statements', { params: { query } }));

/** A statement, and whether it has all of its rows. */
export type ShownStatement = Statement & { readonly isWhole: boolean };

/** A statement of the period, divided by one dimension, of all or of what was gone into. */
export const readStatement = async (
  search: Pick<BillingSearch, 'from' | 'to' | 'only'>,
  by: Dimension,
): Promise<ShownStatement> => {
  const inside = insideOf(search.only);
  const [dimension, value] = inside ?? [];
  // Projects and users are told apart by the platform; of what else there is, the rows are.
  const isTold = dimension === 'project' || dimension === 'user';
  // What was gone into is in each row by its name, too.
  const groupby = dimension === undefined || dimension === by ? by : `${dimension},${by}`;
  const query: StatementQuery = {
    ...periodOf(search),
    groupby,
    timezone: timeZone,
    limit: isTold || dimension === undefined ? SHOWN_ROWS : PAGE_ROWS,
    ...(dimension === 'project' && value !== undefined ? { project: value } : {}),
    ...(dimension === 'user' && value !== undefined ? { account: value } : {}),
  };
  const first = await askStatement(query);
  if (dimension === undefined || isTold) return { ...first, isWhole: first.count <= SHOWN_ROWS };
  const rows = [...first.rows];
  while (rows.length < Math.min(first.count, MOST_ROWS)) {
    const page = await askStatement({ ...query, offset: rows.length, through: first.through });
    if (page.rows.length === 0) break;
    rows.push(...page.rows);
  }
  const found = rows.filter((row) => row.by[dimension] === value);
  return { ...first, rows: found, count: found.length, isWhole: rows.length >= first.count };
};

/** What was spent between two instants. */
export const readSpent = (from: Date, to: Date, project?: string): Promise<Statement> =>
  bodyOf(
    api.GET('/fornax/v1/billing/statements', {
      params: {
        query: {
          from: from.toISOString(),
          to: to.toISOString(),
          groupby: 'project',
          ...(project === undefined ? {} : { project }),
        },
      },
    }),
  );

export const readBudgets = (project: string): Promise<readonly Budget[]> =>
  bodyOf(api.GET('/fornax/v1/billing/budgets', { params: { query: { project } } }));

export const readPrices = async (version: number): Promise<Prices> => {
  // The document of the API does not say that this is what publishing takes.
  const answer: unknown = await bodyOf(
    api.GET('/fornax/v1/billing/prices/{version}', { params: { path: { version: String(version) } } }),
  );
  return answer as Prices;
};

export const beginRating = (body: RatingRequest): Promise<Rating> =>
  bodyOf(api.POST('/fornax/v1/billing/ratings', { body }));

export const readRating = (id: string): Promise<Rating> =>
  bodyOf(api.GET('/fornax/v1/billing/ratings/{id}', { params: { path: { id }, query: { by: 'project' } } }));
