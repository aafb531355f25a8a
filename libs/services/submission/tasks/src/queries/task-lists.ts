import { Inject, Injectable } from '@nestjs/common';
import type { Page, PageRequest, WireFilter } from '@fornax/contracts';
import type { DataSource } from 'typeorm';
import { STATUS_COLUMNS, type TaskRecord } from '../model/task-rows.js';
import type { TaskStatus } from '../model/task-status.js';
import { taskField } from './filter-fields.js';
import type { InProject } from './filter-parameters.js';
import { anyOf, ObjectLists, ORDERS_OF_WORK, type ListedKind, type Shape } from './object-lists.js';
import { PatternQueries } from './pattern-queries.js';
import { StoredTasks } from './stored-tasks.js';
import { inShort, SUMMARY_COLUMNS, type SummaryRecord, type TaskInShort } from './task-summary.js';
import type { CompletedRecord } from '../model/completed-record.js';
import { InjectDatabase } from '../model/database.js';

const LISTED: ListedKind = {
  table: 'task',
  key: 'task_id',
  fieldOf: taskField,
  orders: ORDERS_OF_WORK,
  totalSql: 'SELECT tasks AS total FROM task_count WHERE owner = $1',
  // Without the tasks in what an account begins with, which has its id: the index leaves those out, and they are nobody else's.
  inProject: `spec->>'projectUuid' = $1 AND spec->>'projectUuid' <> owner`,
};

const IN_SHORT: Shape<SummaryRecord, TaskInShort> = {
  columns: SUMMARY_COLUMNS,
  of: (records) => records.map(inShort),
};

/** A task in short, and whose it is. */
export interface OwnedTaskInShort {
  readonly task: TaskInShort;
  readonly owner: string;
}

const WITH_OWNER: Shape<SummaryRecord & { readonly owner: string }, OwnedTaskInShort> = {
  columns: `${SUMMARY_COLUMNS}, owner`,
  of: (records) => records.map((record) => ({ task: inShort(record), owner: record.owner })),
};

/** Lists of an account's tasks, and of those in a project. */
@Injectable()
export class TaskLists {
  private readonly whole: Shape<TaskRecord, TaskStatus>;
  private readonly listed: ObjectLists;

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    patterns: PatternQueries,
    @Inject(StoredTasks) stored: Pick<StoredTasks, 'statusesOf'>,
  ) {
    this.listed = new ObjectLists(db, patterns, LISTED);
    this.whole = {
      columns: STATUS_COLUMNS.replace('task_id', 'task.task_id'),
      of: (records) => stored.statusesOf(records),
    };
  }

  /** Newest first. @param tags any of them; all tasks when empty */
  byTags(owner: string, tags: readonly string[]): Promise<readonly TaskStatus[]> {
    return this.listed.list(this.whole, owner, anyOf(tags), undefined);
  }

  summariesByTags(owner: string, tags: readonly string[]): Promise<readonly TaskInShort[]> {
    return this.listed.list(IN_SHORT, owner, anyOf(tags), undefined);
  }

  /** @throws Invalid a bad filter */
  search(owner: string, filter: WireFilter | undefined, maximum: number | undefined): Promise<readonly TaskStatus[]> {
    return this.listed.list(this.whole, owner, filter, maximum);
  }

  /** @throws Invalid a bad filter, order or token */
  page(owner: string, request: PageRequest): Promise<Page<TaskStatus>> {
    return this.listed.page(this.whole, owner, request);
  }

  summaryPage(owner: string, request: PageRequest): Promise<Page<TaskInShort>> {
    return this.listed.page(IN_SHORT, owner, request);
  }

  /** One page of all tasks in a project. @throws Invalid a bad filter, order or token */
  projectPage(scope: InProject, request: PageRequest): Promise<Page<OwnedTaskInShort>> {
    return this.listed.page(WITH_OWNER, scope, request);
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
}
