import { Inject, Injectable } from '@nestjs/common';
import type { Page, PageRequest, WireFilter } from '@fornax/contracts';
import { Invalid } from '@fornax/base';
import type { DataSource } from 'typeorm';
import { STATUS_COLUMNS, type TaskRecord } from '../model/task-rows.js';
import type { TaskStatus } from '../model/task-status.js';
import { Parameters } from './filter-parameters.js';
import { decodePageToken, encodePageToken, type PageToken } from './page-token.js';
import { PatternQueries } from './pattern-queries.js';
import { StoredTasks } from './stored-tasks.js';
import { filterSql } from './task-filter.js';
import { inShort, SUMMARY_COLUMNS, type SummaryRecord, type TaskInShort } from './task-summary.js';
import type { CompletedRecord } from '../model/completed-record.js';
import { InjectDatabase } from '../model/database.js';

const DEFAULT_PAGE = 50;
const MAX_PAGE = 1_000;
/** Most tasks in one answer that is not paged. */
const MAX_LIST = 10_000;

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

interface Row {
  readonly task_id: string;
}

/** How much of a task a list reads: its columns, and what is made of them. */
interface Shape<R extends Row, T> {
  readonly columns: string;
  readonly of: (records: readonly R[]) => Promise<readonly T[]> | readonly T[];
}
const IN_SHORT: Shape<SummaryRecord, TaskInShort> = {
  columns: SUMMARY_COLUMNS,
  of: (records) => records.map(inShort),
};

/** Lists of an account's tasks. */
@Injectable()
export class TaskLists {
  private readonly whole: Shape<TaskRecord, TaskStatus>;

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly patterns: PatternQueries,
    @Inject(StoredTasks) stored: Pick<StoredTasks, 'statusesOf'>,
  ) {
    this.whole = {
      columns: STATUS_COLUMNS.replace('task_id', 'task.task_id'),
      of: (records) => stored.statusesOf(records),
    };
  }

  /** Newest first. @param tags any of them; all tasks when empty */
  byTags(owner: string, tags: readonly string[]): Promise<readonly TaskStatus[]> {
    return this.list(this.whole, owner, anyOf(tags), undefined);
  }

  summariesByTags(owner: string, tags: readonly string[]): Promise<readonly TaskInShort[]> {
    return this.list(IN_SHORT, owner, anyOf(tags), undefined);
  }

  /** @throws Invalid a bad filter */
  search(owner: string, filter: WireFilter | undefined, maximum: number | undefined): Promise<readonly TaskStatus[]> {
    return this.list(this.whole, owner, filter, maximum);
  }

  /** @throws Invalid a bad filter, order or token */
  page(owner: string, request: PageRequest): Promise<Page<TaskStatus>> {
    return this.pageOf(this.whole, owner, request);
  }

  summaryPage(owner: string, request: PageRequest): Promise<Page<TaskInShort>> {
    return this.pageOf(IN_SHORT, owner, request);
  }

  private async list<R extends Row, T>(
    { columns, of }: Shape<R, T>,
    owner: string,
    filter: WireFilter | undefined,
    maximum: number | undefined,
  ): Promise<readonly T[]> {
    const parameters = new Parameters(owner);
    const condition = filterSql(filter, parameters);
    const limit = parameters.add(Math.min(Math.max(maximum ?? MAX_LIST, 0), MAX_LIST), 'integer');
    const records = await this.query<R>(
      `SELECT ${columns} FROM task WHERE owner = $1 AND ${condition} ORDER BY created_ms DESC, task_id DESC LIMIT ${limit}`,
      parameters,
    );
    return of(records);
  }

  private async pageOf<R extends Row, T>(shape: Shape<R, T>, owner: string, request: PageRequest): Promise<Page<T>> {
    const size = Math.min(Math.max(request.maximumResults ?? DEFAULT_PAGE, 1), MAX_PAGE);
    const after = request.token === undefined || request.token === '' ? undefined : decodePageToken(request.token);
    const { orderBy, isDescending } = after ?? orderOf(request);
    const order = ORDERS.get(orderBy);
    if (!order) throw new Invalid(`Cannot order by ${orderBy}`, { code: 'bad-order' });
    const [total, records] = await Promise.all([
      this.count(owner, request.filter),
      this.rowsAfter(shape, owner, request.filter, { after, order, isDescending, size: size + 1 }),
    ]);
    const shown = records.slice(0, size);
    const last = records.length > size ? shown.at(-1) : undefined;
    const nextToken = last ? encodePageToken({ orderBy, isDescending, key: last.order_key, id: last.task_id }) : null;
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
  private async rowsAfter<R extends Row, T>(
    { columns }: Shape<R, T>,
    owner: string,
    filter: WireFilter | undefined,
    place: Place & { readonly size: number },
  ): Promise<readonly (R & { readonly order_key: string })[]> {
    const parameters = new Parameters(owner);
    const { order, isDescending, size } = place;
    const condition = `owner = $1 AND ${filterSql(filter, parameters)} AND ${afterSql(place, parameters)}`;
    const direction = isDescending ? 'DESC' : 'ASC';
    return this.query(
      `WITH chosen AS MATERIALIZED (SELECT task_id, (${order.sql}) AS order_key FROM task WHERE ${condition}
         ORDER BY ${order.sql} ${direction}, task_id ${direction} LIMIT ${parameters.add(size, 'integer')})
       SELECT ${columns}, order_key::text AS order_key FROM chosen JOIN task USING (task_id)
       ORDER BY chosen.order_key ${direction}, task_id ${direction}`,
      parameters,
    );
  }

  private async count(owner: string, filter: WireFilter | undefined): Promise<number> {
    const parameters = new Parameters(owner);
    const sql = filter
      ? `SELECT count(*) AS total FROM task WHERE owner = $1 AND ${filterSql(filter, parameters)}`
      : 'SELECT tasks AS total FROM task_count WHERE owner = $1';
    const [row] = await this.query<{ total: string }>(sql, parameters);
    return Number(row?.total ?? 0);
  }

  /** Ended instances of the given tasks, by instance number; of each task `most` at most, failed ones before successful ones. */
  async completed(taskIds: readonly string[], most: number): Promise<ReadonlyMap<string, readonly CompletedRecord[]>> {
    const byTask = new Map<string, CompletedRecord[]>();
    if (taskIds.length === 0) return byTask;
    const records = await this.db.query<CompletedRecord[]>(
      `SELECT c.* FROM unnest($1::text[]) AS t(task_id) CROSS JOIN LATERAL (
         SELECT task_id, instance, outcome, attempt, wall_ms, execution_ms, peak_memory_mb, hardware, error, notes, results, folder, uploaded_files
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

  private query<T>(sql: string, { owner, values, hasPattern }: Parameters): Promise<readonly T[]> {
    return hasPattern ? this.patterns.query<T>(owner, sql, values) : this.db.query<T[]>(sql, values);
  }
}

const anyOf = (tags: readonly string[]): WireFilter | undefined =>
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

const afterSql = ({ after, order, isDescending }: Place, parameters: Parameters): string => {
  if (!after) return 'TRUE';
  if (order.type === 'bigint' && !/^-?\d{1,18}$/.test(String(after.key)))
    throw new Invalid('The page token is not valid', { code: 'bad-page-token' });
  const key = parameters.add(after.key, order.type);
  return `(${order.sql}, task_id) ${isDescending ? '<' : '>'} (${key}, ${parameters.add(after.id, 'text')})`;
};
