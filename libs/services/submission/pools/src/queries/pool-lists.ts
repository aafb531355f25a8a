import { Injectable } from '@nestjs/common';
import type { Page, PageRequest, WireFilter } from '@fornax/contracts';
import {
  anyOf,
  boolean,
  duration,
  elements,
  FIELDS_OF_WORK,
  fieldsOf,
  InjectDatabase,
  number,
  ObjectLists,
  ORDERS_OF_WORK,
  PatternQueries,
  text,
  uuid,
  type ListedKind,
  type Shape,
} from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { POOL_COLUMNS, poolStatusOf, type PoolRecord } from '../model/pool-rows.js';
import type { PoolStatus } from '../model/pool-status.js';

/** What pools may be filtered by, in lower case (contract, section 1.12). */
const fieldOf = fieldsOf(
  {
    uuid: uuid('pool.pool_id'),
    ...FIELDS_OF_WORK,
    executiontime: duration('execution_ms'),
    instancecount: number(`(spec->>'instanceCount')::double precision`),
    runninginstancecount: number('running_instances::double precision'),
    schedulingtype: text(`spec->>'plan'`),
    autodeleteoncompletion: boolean('auto_delete'),
    taskdefaultwaitforpoolresourcessynchronization: boolean(`(spec->>'tasksWaitForResources')::boolean`),
    tags: { kind: 'list', type: 'text', items: 'unnest(tags) AS x(item)' },
    labels: { kind: 'list', type: 'text', items: `jsonb_object_keys(spec->'labels') AS x(item)` },
    constants: {
      kind: 'list',
      type: 'text',
      items: `(SELECT e->>'key' FROM ${elements(`spec->'constants'`)} AS e WHERE e->>'value' IS NOT NULL) AS x(item)`,
    },
    resourcebuckets: {
      kind: 'list',
      type: 'text',
      items: `(SELECT e->>'bucket' FROM ${elements(`spec->'resources'`)} AS e) AS x(item)`,
    },
  },
  [['labels.', (key) => `spec->'labels'->>${key}`]],
);

const LISTED: ListedKind = {
  table: 'pool',
  key: 'pool_id',
  fieldOf,
  orders: ORDERS_OF_WORK,
  totalSql: 'SELECT count(*) AS total FROM pool WHERE owner = $1',
};

const WHOLE: Shape<PoolRecord, PoolStatus> = {
  columns: POOL_COLUMNS,
  of: (records) => records.map(poolStatusOf),
};

/** Lists of an account's pools. */
@Injectable()
export class PoolLists {
  private readonly listed: ObjectLists;

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    patterns: PatternQueries,
  ) {
    this.listed = new ObjectLists(db, patterns, LISTED);
  }

  /** Newest first. @param tags any of them; all pools when empty */
  byTags(owner: string, tags: readonly string[]): Promise<readonly PoolStatus[]> {
    return this.listed.list(WHOLE, owner, anyOf(tags), undefined);
  }

  /** @throws Invalid a bad filter */
  search(owner: string, filter: WireFilter | undefined, maximum: number | undefined): Promise<readonly PoolStatus[]> {
    return this.listed.list(WHOLE, owner, filter, maximum);
  }

  /** @throws Invalid a bad filter, order or token */
  page(owner: string, request: PageRequest): Promise<Page<PoolStatus>> {
    return this.listed.page(WHOLE, owner, request);
  }

  /** How many an owner has, closed ones included, and how many of them run. */
  async count(owner: string): Promise<{ readonly total: number; readonly running: number }> {
    const [row] = await this.db.query<{ total: string; running: string }[]>(
      `SELECT count(*) AS total, count(*) FILTER (WHERE end_ms IS NULL AND running_instances > 0) AS running FROM pool WHERE owner = $1`,
      [owner],
    );
    return { total: Number(row?.total ?? 0), running: Number(row?.running ?? 0) };
  }
}
