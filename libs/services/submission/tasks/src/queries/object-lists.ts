import type { Page, PageRequest, WireFilter } from '@fornax/contracts';
import { Invalid } from '@fornax/base';
import type { DataSource } from 'typeorm';
import type { FieldLookup } from './filter-field.js';
import { Parameters, type ListScope } from './filter-parameters.js';
import { decodePageToken, encodePageToken, type PageToken } from './page-token.js';
import type { PatternQueries } from './pattern-queries.js';
import { filterSql } from './task-filter.js';

const DEFAULT_PAGE = 50;
const MAX_PAGE = 1_000;
/** Most objects in one answer that is not paged. */
const MAX_LIST = 10_000;

export interface Order {
  readonly sql: string;
  readonly type: 'bigint' | 'text';
}

/** What lists of tasks and of pools may be ordered by alike. */
export const ORDERS_OF_WORK: ReadonlyMap<string, Order> = new Map<string, Order>([
  ['creationdate', { sql: 'created_ms', type: 'bigint' }],
  ['executiontime', { sql: 'execution_ms', type: 'bigint' }],
  ['name', { sql: 'name COLLATE "C"', type: 'text' }],
  ['state', { sql: 'state COLLATE "C"', type: 'text' }],
]);

/** A kind of objects that are listed: rows with the columns `owner`, `created_ms` and the key. */
export interface ListedKind {
  readonly table: string;
  /** Name of the column that holds the id. */
  readonly key: string;
  readonly fieldOf: FieldLookup;
  /** What pages may be ordered by, in lower case. */
  readonly orders: ReadonlyMap<string, Order>;
  /** How many of them the owner `$1` has: one row with the column `total`. */
  readonly totalSql: string;
  /** That a row lies in the project `$1`; absent where nothing is listed so. */
  readonly inProject?: string;
}

/** How much of an object a list reads: its columns, and what is made of them. */
export interface Shape<R, T> {
  readonly columns: string;
  readonly of: (records: readonly R[]) => Promise<readonly T[]> | readonly T[];
}

interface Ordered {
  readonly order_key: string;
  readonly order_id: string;
}

/** Lists, pages and searches of what an account has of one kind, or of what lies in a project. */
export class ObjectLists {
  constructor(
    private readonly db: DataSource,
    private readonly patterns: PatternQueries,
    private readonly of: ListedKind,
  ) {}

  /** Newest first. @throws Invalid a bad filter */
  async list<R, T>(
    { columns, of }: Shape<R, T>,
    scope: ListScope,
    filter: WireFilter | undefined,
    maximum: number | undefined,
  ): Promise<readonly T[]> {
    const { table, key } = this.of;
    const parameters = new Parameters(scope);
    const condition = filterSql(filter, parameters, this.of.fieldOf);
    const limit = parameters.add(Math.min(Math.max(maximum ?? MAX_LIST, 0), MAX_LIST), 'integer');
    const records = await this.query<R>(
      `SELECT ${columns} FROM ${table} WHERE ${this.within(scope)} AND ${condition} ORDER BY created_ms DESC, ${key} DESC LIMIT ${limit}`,
      parameters,
    );
    return of(records);
  }

  /** @throws Invalid a bad filter, order or token */
  async page<R, T>(shape: Shape<R, T>, scope: ListScope, request: PageRequest): Promise<Page<T>> {
    const size = Math.min(Math.max(request.maximumResults ?? DEFAULT_PAGE, 1), MAX_PAGE);
    const after = request.token === undefined || request.token === '' ? undefined : decodePageToken(request.token);
    const { orderBy, isDescending } = after ?? orderOf(request);
    const order = this.of.orders.get(orderBy);
    if (!order) throw new Invalid(`Cannot order by ${orderBy}`, { code: 'bad-order' });
    const [total, records] = await Promise.all([
      this.count(scope, request.filter),
      this.rowsAfter(shape, scope, request.filter, { after, order, isDescending, size: size + 1 }),
    ]);
    const shown = records.slice(0, size);
    const last = records.length > size ? shown.at(-1) : undefined;
    const nextToken = last ? encodePageToken({ orderBy, isDescending, key: last.order_key, id: last.order_id }) : null;
    const data = await shape.of(shown);
    return {
      data,
      token: request.token ?? null,
      nextToken,
      isTruncated: nextToken !== null,
      count: data.length,
      total,
    };
  }

  /** Which rows is decided on the index alone where that is possible; only those are read. */
  private async rowsAfter<R, T>(
    { columns }: Shape<R, T>,
    scope: ListScope,
    filter: WireFilter | undefined,
    place: Place & { readonly size: number },
  ): Promise<readonly (R & Ordered)[]> {
    const parameters = new Parameters(scope);
    const { order, isDescending, size } = place;
    const { table, key } = this.of;
    const condition = `${this.within(scope)} AND ${filterSql(filter, parameters, this.of.fieldOf)} AND ${afterSql(place, key, parameters)}`;
    const direction = isDescending ? 'DESC' : 'ASC';
    return this.query(
      `WITH chosen AS MATERIALIZED (SELECT ${key}, (${order.sql}) AS order_key FROM ${table} WHERE ${condition}
         ORDER BY ${order.sql} ${direction}, ${key} ${direction} LIMIT ${parameters.add(size, 'integer')})
       SELECT ${columns}, order_key::text AS order_key, ${key} AS order_id FROM chosen JOIN ${table} USING (${key})
       ORDER BY chosen.order_key ${direction}, ${key} ${direction}`,
      parameters,
    );
  }

  private async count(scope: ListScope, filter: WireFilter | undefined): Promise<number> {
    const parameters = new Parameters(scope);
    const sql =
      filter || typeof scope !== 'string'
        ? `SELECT count(*) AS total FROM ${this.of.table} WHERE ${this.within(scope)} AND ${filterSql(filter, parameters, this.of.fieldOf)}`
        : this.of.totalSql;
    const [row] = await this.query<{ total: string }>(sql, parameters);
    return Number(row?.total ?? 0);
  }

  private within(scope: ListScope): string {
    if (typeof scope === 'string') return 'owner = $1';
    if (this.of.inProject === undefined) throw new Error(`nothing of ${this.of.table} is listed by project`);
    return this.of.inProject;
  }

  private query<T>(sql: string, { askedBy, values, hasPattern }: Parameters): Promise<readonly T[]> {
    return hasPattern ? this.patterns.query<T>(askedBy, sql, values) : this.db.query<T[]>(sql, values);
  }
}

/** A filter for objects with any of some tags; all objects when there are none. */
export const anyOf = (tags: readonly string[]): WireFilter | undefined =>
  tags.length === 0 ? undefined : { operator: 'In', field: 'Tags', values: tags };

/** By default the newest come first; who names a field wants it ascending unless he says otherwise. */
const orderOf = ({ orderBy, orderType }: PageRequest): Pick<PageToken, 'orderBy' | 'isDescending'> => {
  const direction = (orderType || (orderBy ? 'ASC' : 'DESC')).toUpperCase();
  if (direction !== 'ASC' && direction !== 'DESC')
    throw new Invalid(`orderType is ASC or DESC, not ${direction}`, { code: 'bad-order' });
  return { orderBy: (orderBy || 'creationDate').toLowerCase(), isDescending: direction === 'DESC' };
};

interface Place {
  readonly after: PageToken | undefined;
  readonly order: Order;
  readonly isDescending: boolean;
}

const afterSql = ({ after, order, isDescending }: Place, id: string, parameters: Parameters): string => {
  if (!after) return 'TRUE';
  if (order.type === 'bigint' && !/^-?\d{1,18}$/.test(String(after.key)))
    throw new Invalid('The page token is not valid', { code: 'bad-page-token' });
  const key = parameters.add(after.key, order.type);
  return `(${order.sql}, ${id}) ${isDescending ? '<' : '>'} (${key}, ${parameters.add(after.id, 'text')})`;
};
