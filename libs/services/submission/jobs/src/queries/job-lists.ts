import { Injectable } from '@nestjs/common';
import type { Page, PageRequest, WireFilter } from '@fornax/contracts';
import {
  anyOf,
  boolean,
  date,
  duration,
  fieldsOf,
  InjectDatabase,
  ObjectLists,
  PatternQueries,
  scalar,
  text,
  uuid,
  type ListedKind,
  type Shape,
} from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { ALL_JOB_COLUMNS, rowOf, type JobRecord, type JobRow } from '../model/job-row.js';

/** What jobs may be filtered by, in lower case (contract, section 1.12). */
const jobField = fieldsOf({
  uuid: uuid('job_id'),
  name: text('name'),
  shortname: text('shortname'),
  pooluuid: uuid('pool_id'),
  state: scalar('state', 'state'),
  previousstate: scalar('state', 'previous_state'),
  statetransitiontime: date('state_ms'),
  previousstatetransitiontime: date('previous_state_ms'),
  creationdate: date('created_ms'),
  lastmodified: date('modified_ms'),
  usedependencies: boolean('use_dependencies'),
  maxwalltime: duration('(max_wall_s * 1000)::bigint'),
  completiontimetolive: duration('(coalesce(keep_s, 0) * 1000)::bigint'),
  autodeleteoncompletion: boolean('auto_delete'),
  tags: { kind: 'list', type: 'text', items: 'unnest(tags) AS x(item)' },
});

const LISTED: ListedKind = {
  table: 'job',
  key: 'job_id',
  fieldOf: jobField,
  orders: new Map([
    ['creationdate', { sql: 'created_ms', type: 'bigint' }],
    ['name', { sql: 'name COLLATE "C"', type: 'text' }],
    ['state', { sql: 'state COLLATE "C"', type: 'text' }],
  ]),
  totalSql: 'SELECT count(*) AS total FROM job WHERE owner = $1',
};

const ROWS: Shape<JobRecord, JobRow> = {
  columns: ALL_JOB_COLUMNS,
  of: (records) => records.map(rowOf),
};

/** Lists of an account's jobs. */
@Injectable()
export class JobLists {
  private readonly listed: ObjectLists;

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    patterns: PatternQueries,
  ) {
    this.listed = new ObjectLists(db, patterns, LISTED);
  }

  /** Newest first. @param tags any of them; all jobs when empty */
  byTags(owner: string, tags: readonly string[]): Promise<readonly JobRow[]> {
    return this.listed.list(ROWS, owner, anyOf(tags), undefined);
  }

  /** Those whose tasks run in this pool, newest first. */
  ofPool(owner: string, poolId: string): Promise<readonly JobRow[]> {
    return this.listed.list(ROWS, owner, { operator: 'Equal', field: 'PoolUuid', value: poolId }, undefined);
  }

  /** @throws Invalid a bad filter */
  search(owner: string, filter: WireFilter | undefined, maximum: number | undefined): Promise<readonly JobRow[]> {
    return this.listed.list(ROWS, owner, filter, maximum);
  }

  /** @throws Invalid a bad filter, order or token */
  page(owner: string, request: PageRequest): Promise<Page<JobRow>> {
    return this.listed.page(ROWS, owner, request);
  }

  /** How many an owner has, finished ones included. */
  async count(owner: string): Promise<number> {
    const [row] = await this.db.query<{ total: string }[]>(LISTED.totalSql, [owner]);
    return Number(row?.total ?? 0);
  }
}
