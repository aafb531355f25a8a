import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Page, PageRequest, WireFilter } from '@fornax/contracts';
import { Invalid } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { STATUS_COLUMNS, statusOf, type TaskRecord } from '../projections/task-rows.js';
import type { TaskStatus } from '../projections/task-status.js';
import { decodePageToken, encodePageToken, type PageToken } from './page-token.js';
import { filterSql, Parameters } from './task-filter.js';
import type { CompletedRecord } from './task-view.js';

const DEFAULT_PAGE = 50;
const MAX_PAGE = 1_000;
/** Most tasks in one answer that is not paged. */
const MAX_LIST = 10_000;
/** How long a query with a pattern of the caller may take. */
const MAX_PATTERN_MS = 5_000;

interface Order {
  readonly sql: string;
  readonly type: 'bigint' | 'text';
}
const ORDERS: ReadonlyMap<string, Order> = new Map<string, Order>([
  ['creationdate', { sql: 'created_ms', type: 'bigint' }],
  ['executiontime', { sql: 'execution_ms', type: 'bigint' }],
  ['name', { sql: 'name COLLATE "C"', type: 'text' }],
  ['state', { sql: 'state COLLATE "C"', type: 'text' }],
]);

interface ListRecord extends TaskRecord {
  readonly order_key: string;
}

/** Lists of an account's tasks. */
@Injectable()
export class TaskLists {
  constructor(@InjectDataSource('submission') private readonly db: DataSource) {}

  /** Newest first. @param tags any of them; all tasks when empty */
  async byTags(owner: string, tags: readonly string[]): Promise<readonly TaskStatus[]> {
    const filter = tags.length === 0 ? undefined : { operator: 'In', field: 'Tags', values: tags };
    return this.search(owner, filter, undefined);
  }

  async search(
    owner: string,
    filter: WireFilter | undefined,
    maximum: number | undefined,
  ): Promise<readonly TaskStatus[]> {
    const parameters = new Parameters(owner);
    const condition = filterSql(filter, parameters);
    const limit = parameters.add(Math.min(Math.max(maximum ?? MAX_LIST, 0), MAX_LIST), 'integer');
    const records = await this.query<TaskRecord>(
      `SELECT ${STATUS_COLUMNS} FROM task WHERE owner = $1 AND ${condition} ORDER BY created_ms DESC, task_id DESC LIMIT ${limit}`,
      parameters,
    );
    return records.map(statusOf);
  }

  /** @throws Invalid a bad filter, order or token */
  async page(owner: string, request: PageRequest): Promise<Page<TaskStatus>> {
    const size = Math.min(Math.max(request.maximumResults ?? DEFAULT_PAGE, 1), MAX_PAGE);
    const after = request.token === undefined || request.token === '' ? undefined : decodePageToken(request.token);
    const { orderBy, isDescending } = after ?? orderOf(request);
    const order = ORDERS.get(orderBy);
    if (!order) throw new Invalid(`Cannot order by ${orderBy}`, { code: 'bad-order' });
    const counted = new Parameters(owner);
    const total = await this.count(`owner = $1 AND ${filterSql(request.filter, counted)}`, counted);
    const parameters = new Parameters(owner);
    const condition = `owner = $1 AND ${filterSql(request.filter, parameters)} AND ${afterSql(after, order, isDescending, parameters)}`;
    const direction = isDescending ? 'DESC' : 'ASC';
    const records = await this.query<ListRecord>(
      `SELECT ${STATUS_COLUMNS}, (${order.sql})::text AS order_key FROM task WHERE ${condition}
       ORDER BY ${order.sql} ${direction}, task_id ${direction} LIMIT ${parameters.add(size + 1, 'integer')}`,
      parameters,
    );
    const shown = records.slice(0, size);
    const last = records.length > size ? shown.at(-1) : undefined;
    const nextToken = last ? encodePageToken({ orderBy, isDescending, key: last.order_key, id: last.task_id }) : null;
    return {
      data: shown.map(statusOf),
      token: request.token ?? null,
      nextToken,
      isTruncated: nextToken !== null,
      count: shown.length,
      total,
    };
  }

  /** Ended instances of the given tasks, by instance number; of each task `most` at most, failed ones before successful ones. */
  async completed(taskIds: readonly string[], most: number): Promise<ReadonlyMap<string, readonly CompletedRecord[]>> {
    const byTask = new Map<string, CompletedRecord[]>();
    if (taskIds.length === 0) return byTask;
    const records = await this.db.query<CompletedRecord[]>(
      `SELECT c.* FROM unnest($1::text[]) AS t(task_id) CROSS JOIN LATERAL (
         SELECT task_id, instance, outcome, attempt, wall_ms, execution_ms, peak_memory_mb, hardware, error
         FROM completed_instance WHERE completed_instance.task_id = t.task_id ORDER BY outcome = 'success', instance LIMIT $2) AS c
       ORDER BY c.task_id, c.instance`,
      [taskIds, most],
    );
    for (const record of records) {
      const list = byTask.get(record.task_id);
      if (list) list.push(record);
      else byTask.set(record.task_id, [record]);
    }
    return byTask;
  }

  private async count(condition: string, parameters: Parameters): Promise<number> {
    const [row] = await this.query<{ total: string }>(
      `SELECT count(*) AS total FROM task WHERE ${condition}`,
      parameters,
    );
    return Number(row?.total ?? 0);
  }

  /** A pattern that is one to us and none to Postgres is the caller's mistake, and so is one that backtracks for ever. */
  private async query<T>(sql: string, { values, hasPattern }: Parameters): Promise<readonly T[]> {
    if (!hasPattern) return this.db.query<T[]>(sql, values);
    try {
      return await this.db.transaction(async (tx) => {
        await tx.query(`SET LOCAL statement_timeout = ${MAX_PATTERN_MS}`);
        return tx.query<T[]>(sql, values);
      });
    } catch (error) {
      if (hasCode(error, INVALID_REGULAR_EXPRESSION))
        throw new Invalid('The filter holds a pattern that cannot be used', { code: 'bad-filter', cause: error });
      if (hasCode(error, QUERY_CANCELED))
        throw new Invalid('The pattern of the filter takes too long', { code: 'bad-filter', cause: error });
      throw error;
    }
  }
}

/** PostgreSQL, appendix A: error codes. */
const INVALID_REGULAR_EXPRESSION = '2201B';
const QUERY_CANCELED = '57014';
const hasCode = (error: unknown, code: string): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === code;

const orderOf = ({ orderBy, orderType }: PageRequest): Pick<PageToken, 'orderBy' | 'isDescending'> => ({
  orderBy: (orderBy || 'creationDate').toLowerCase(),
  isDescending: (orderType || (orderBy ? 'ASC' : 'DESC')).toUpperCase() === 'DESC',
});

const afterSql = (
  after: PageToken | undefined,
  order: Order,
  isDescending: boolean,
  parameters: Parameters,
): string => {
  if (!after) return 'TRUE';
  if (order.type === 'bigint' && !/^-?\d{1,18}$/.test(String(after.key)))
    throw new Invalid('The page token is not valid', { code: 'bad-page-token' });
  const key = parameters.add(after.key, order.type);
  return `(${order.sql}, task_id) ${isDescending ? '<' : '>'} (${key}, ${parameters.add(after.id, 'text')})`;
};
