import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Unavailable } from '@fornax/base';
import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import { attemptKey, PARTS_PER_NANO, type AuditFinding } from '@fornax/domain';
import type { ReadBarrier } from '@fornax/projections';
import { ReadBarriers, type Auditor } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import type { LineRow } from '../projections/ledger-rows.js';
import { readParked, readPriceLists, readTerms } from '../projections/ledger-state.js';
import { readUnratedMeters, type MeterRow } from '../projections/meter-rows.js';
import { BillAudit, type AuditedRow } from './bill-audit.js';
import { readKeptRows } from './kept-rows.js';

type ReadLine = Omit<LineRow, 'started_at' | 'ended_at' | 'counts_at'> & {
  readonly started_at: Date | null;
  readonly ended_at: Date;
  readonly counts_at: Date;
  /** Whether a line of a rating run is of what the line says that it corrects. */
  readonly is_alike: boolean;
};

const FACTS = [
  ...[
    'kind',
    'owner',
    'project_uuid',
    'lease_id',
    'node',
    'specification_key',
    'cpu_model',
    'plan',
    'constrained',
    'outcome',
    'cause',
    'started_at',
  ],
  ...['ended_at', 'milli_cores', 'milli_ghz', 'memory_mb', 'currency', 'is_last'],
];
const factsOf = (table: string): string => FACTS.map((name) => `${table}.${name}`).join(', ');
const LINES = `SELECT line.*, line.run = 0 OR (line.billed_ms = 0 AND EXISTS (
    SELECT FROM bill_line base WHERE base.task_id = line.task_id AND base.instance = line.instance AND base.attempt = line.attempt AND base.run = 0
      AND (${factsOf('base')}) IS NOT DISTINCT FROM (${factsOf('line')}))) AS is_alike
  FROM bill_line line WHERE line.sequence > $1 AND line.sequence <= $2`;

const METER_LINES = 'SELECT * FROM meter_line WHERE sequence > $1 AND sequence <= $2';
type ReadMeterLine = Omit<MeterRow, 'from_at' | 'until_at' | 'counts_at'> & {
  readonly from_at: Date;
  readonly until_at: Date;
  readonly counts_at: Date;
};

/** What accounts used in a month, as it is kept and as its lines sum to. */
const SUMS = `SELECT owner, month, kept, lines FROM (
    SELECT owner, month, concat_ws(' ', net_parts, lines) AS kept FROM month_usage
  ) kept FULL JOIN (
    SELECT owner, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM') AS month,
      concat_ws(' ', sum(amount_nanos) * ${PARTS_PER_NANO} + sum(amount_rest), count(*) FILTER (WHERE run = 0)) AS lines
    FROM (SELECT owner, coalesce(started_at, ended_at) AS at, amount_nanos, amount_rest, run FROM bill_line
      UNION ALL SELECT owner, from_at, amount_nanos, amount_rest, NULL FROM meter_line) line GROUP BY 1, 2
  ) summed USING (owner, month) WHERE kept IS DISTINCT FROM lines ORDER BY owner, month`;

/** What projects used on a day, as it is kept and as its lines sum to. */
const DAYS = `SELECT project_uuid AS owner, day, kept, lines FROM (
    SELECT project_uuid, day, net_parts AS kept FROM project_day
  ) kept FULL JOIN (
    SELECT project_uuid, to_char(counts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
      sum(amount_nanos) * ${PARTS_PER_NANO} + sum(amount_rest) AS lines
    FROM (SELECT coalesce(project_uuid, owner) AS project_uuid, counts_at, amount_nanos, amount_rest FROM bill_line
      UNION ALL SELECT project, counts_at, amount_nanos, amount_rest FROM meter_line) line GROUP BY 1, 2
  ) summed USING (project_uuid, day) WHERE kept IS DISTINCT FROM lines ORDER BY project_uuid, day`;

const SUMMED = 'attempts, instances, failures, billed_ms, core_ms, parts';

/** Sums as they are kept and as their lines sum to: rows of the whole key of which any of the sums differs. @param from the key, as columns of lines say it */
const differing = (
  table: string,
  key: readonly string[],
  from: readonly string[],
  kept = SUMMED,
): string => `SELECT ${key.join(', ')}, kept, lines FROM (
    SELECT ${key.join(', ')}, concat_ws(' ', ${kept}) AS kept FROM ${table}
  ) kept FULL JOIN (
    SELECT ${key.join(', ')}, concat_ws(' ', ${SUMMED}) AS lines FROM (
      SELECT ${from.map((column, index) => `${column} AS ${key[index] ?? ''}`).join(', ')}, count(*) FILTER (WHERE run = 0) AS attempts,
        count(*) FILTER (WHERE attempt = 1 AND run = 0) AS instances, count(*) FILTER (WHERE outcome = 'failure' AND run = 0) AS failures, sum(billed_ms) AS billed_ms,
        sum(CASE WHEN started_at IS NULL THEN 0 ELSE billed_ms::numeric * milli_cores END) AS core_ms,
        sum(amount_nanos) * ${PARTS_PER_NANO} + sum(amount_rest) AS parts
      FROM bill_line GROUP BY ${from.map((_, index) => index + 1).join(', ')}
    ) line
  ) summed USING (${key.join(', ')}) WHERE kept IS DISTINCT FROM lines ORDER BY ${key.join(', ')}`;

const HOURS = differing(
  'usage_hour',
  ['owner', 'hour', 'project', 'plan', 'node', 'specification_key'],
  [
    'owner',
    `date_trunc('hour', counts_at, 'UTC')`,
    'coalesce(project_uuid, owner)',
    'plan',
    'node',
    'specification_key',
  ],
);
const TASK_DAYS = differing(
  'usage_task_node_day',
  ['owner', 'day', 'task_id', 'node', 'specification_key'],
  ['owner', `date_trunc('day', counts_at, 'UTC')`, 'task_id', 'node', 'specification_key'],
  SUMMED.replace('parts', `nanos::numeric * ${PARTS_PER_NANO} + rest`),
);

interface KeptSum {
  /** Or the project. */
  readonly owner: string;
  readonly kept: string | null;
  readonly lines: string | null;
}

interface HourSum extends KeptSum {
  readonly hour: Date;
  readonly project: string;
}

interface TaskDaySum extends KeptSum {
  readonly day: Date;
  readonly task_id: string;
  readonly node: string;
}

const otherwise = ({ owner, kept, lines }: KeptSum, when: string, what = 'parts'): AuditFinding => ({
  kind: 'billed otherwise',
  taskId: `account ${owner}`,
  detail: `what it used in ${when} is kept as ${kept ?? 'nothing'} (${what}), and its lines sum to ${lines ?? 'nothing'}`,
  sequences: [],
});

/** Audits the ledger of a database, page by page beside the log. */
export class LedgerAuditor implements Auditor {
  readonly aggregates: readonly Aggregate[] = ['task', 'pool', 'pricing', 'meter', 'spending'];
  private audit: BillAudit | undefined;
  /** Lines up to here have been looked at. */
  private sequence = 0;

  /** @param reached waits until the ledger shows the commit at a sequence */
  constructor(
    private readonly db: DataSource,
    private readonly reached: (sequence: number) => Promise<void>,
  ) {}

  get underWay(): number {
    return this.audit?.underWay ?? 0;
  }

  /** The rows that are no lines, before anybody asks where the log ends: it is folded past where they are. @throws Unavailable */
  async prepare(): Promise<void> {
    this.audit = new BillAudit(await readKeptRows(this.db));
  }

  async fold(batch: readonly RecordedCommit[]): Promise<readonly AuditFinding[]> {
    const last = batch.at(-1)?.sequence ?? this.sequence;
    await this.reached(last);
    const rows = await this.db.query<ReadLine[]>(LINES, [this.sequence, last]);
    const meterRows = await this.db.query<ReadMeterLine[]>(METER_LINES, [this.sequence, last]);
    this.sequence = last;
    const ids = batch.flatMap(({ aggregateId, events }) =>
      events.some(({ type }) => type === 'TaskSubmitted' || type === 'PoolCreated') ? [aggregateId] : [],
    );
    const terms = new Map((await readTerms(this.db, ids)).map((one) => [one.id, one]));
    return this.prepared().fold(batch, rows.map(asWritten), meterRows.map(meterAsWritten), terms);
  }

  async end(): Promise<readonly AuditFinding[]> {
    const waiting = await readParked(this.db);
    const meters = await readUnratedMeters(this.db);
    const keys = new Set([...waiting.map(({ terms, end }) => attemptKey(terms.id, end)), ...meters.keys()]);
    const newest = (await readPriceLists(this.db)).at(-1)?.priceList.version ?? 0;
    const months = await this.db.query<(KeptSum & { readonly month: string })[]>(SUMS);
    const days = await this.db.query<(KeptSum & { readonly day: string })[]>(DAYS);
    const hours = await this.db.query<HourSum[]>(HOURS);
    const taskDays = await this.db.query<TaskDaySum[]>(TASK_DAYS);
    return [
      ...this.prepared().end(keys, newest),
      ...months.map((row) => otherwise(row, row.month, 'parts, lines')),
      ...days.map((row) => ({ ...otherwise(row, row.day), taskId: `project ${row.owner}` })),
      ...hours.map((row) =>
        otherwise(row, `the hour from ${row.hour.toISOString()} for project ${row.project}`, SUMMED),
      ),
      ...taskDays.map((row) => ({
        ...otherwise(row, `the day from ${row.day.toISOString()} on ${row.node}`, SUMMED),
        taskId: row.task_id,
      })),
    ];
  }

  private prepared(): BillAudit {
    if (!this.audit) throw new Error('an audit is prepared before it folds');
    return this.audit;
  }
}

const asWritten = ({ started_at, ended_at, counts_at, ...row }: ReadLine): AuditedRow => ({
  ...row,
  started_at: started_at?.toISOString() ?? null,
  ended_at: ended_at.toISOString(),
  counts_at: counts_at.toISOString(),
});

const meterAsWritten = ({ from_at, until_at, counts_at, ...row }: ReadMeterLine): MeterRow => ({
  ...row,
  from_at: from_at.toISOString(),
  until_at: until_at.toISOString(),
  counts_at: counts_at.toISOString(),
});

/** Begins audits of the ledger. */
@Injectable()
export class LedgerAudits {
  private readonly barrier: ReadBarrier;

  constructor(
    @InjectDataSource('billing') private readonly db: DataSource,
    barriers: ReadBarriers,
  ) {
    this.barrier = barriers.of('ledger');
  }

  /** An audit from the beginning of the log. It ends with an error where the ledger stands still. */
  begin(): LedgerAuditor {
    return new LedgerAuditor(this.db, async (sequence) => {
      if (!(await this.barrier.passed(sequence)))
        throw new Unavailable('The ledger is catching up with the log', { code: 'ledger-behind' });
    });
  }

  /** How many attempts and uses of meters have no price yet, as far as the rows know. */
  async unrated(): Promise<number> {
    const [row] = await this.db.query<{ count: string }[]>(
      'SELECT (SELECT count(*) FROM unrated_attempt) + (SELECT count(*) FROM unrated_meter) AS count',
    );
    return Number(row?.count ?? 0);
  }
}
