import { PARTS_PER_MICRO, PARTS_PER_NANO } from '@fornax/domain';
import type { StatementDimension } from '@fornax/contracts';
import type { Sql } from './cursor.js';

/** What rows can be divided by: as people ask, and by the closed month (UTC) that lines correct, null of all others. */
export type SqlDimension = StatementDimension | 'corrects';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What a statement is of: a half-open interval, and whose use of which project. */
export interface StatementScope {
  readonly from: number;
  readonly to: number;
  /** Undefined: everybody's. */
  readonly owners?: readonly string[] | undefined;
  readonly project?: string | undefined;
  /** As of a commit of the log; undefined: of all that there are. */
  readonly through?: number | undefined;
}

/** Sums as the driver gives them. */
export interface SummedRow {
  readonly attempts: string;
  readonly instances: string;
  readonly failures: string;
  readonly billed_ms: string;
  readonly core_ms: string;
  readonly parts: string;
}

const SUMS = ['attempts', 'instances', 'failures', 'billed_ms', 'core_ms', 'parts'] as const;
const SUMMED = SUMS.map((name) => `sum(${name}) AS ${name}`).join(', ');
const TOTAL = SUMS.map((name) => `coalesce(sum(${name}), 0) AS ${name}`).join(', ');
const UNIT = String(PARTS_PER_MICRO);

const LINE_TIME = 'line.counts_at';
const OF_LINES = `count(*) FILTER (WHERE line.run = 0) AS attempts, count(*) FILTER (WHERE line.attempt = 1 AND line.run = 0) AS instances,
  count(*) FILTER (WHERE line.outcome = 'failure' AND line.run = 0) AS failures, sum(line.billed_ms) AS billed_ms,
  sum(line.billed_ms * line.milli_cores) AS core_ms, sum(line.amount_nanos) * ${PARTS_PER_NANO} + sum(line.amount_rest) AS parts`;

/** Sums of whole numbers of the machine: those of `numeric` take twice as long. */
const OF_TASK_DAYS = `sum(attempts) AS attempts, sum(instances) AS instances, sum(failures) AS failures, sum(billed_ms) AS billed_ms,
  sum(core_ms) AS core_ms, sum(nanos) * ${PARTS_PER_NANO} + sum(rest) AS parts`;

/** Numbers parameters as they are needed. */
class Parameters {
  readonly values: unknown[] = [];
  add(value: unknown, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }
}

/** Columns by dimension: of hours, of what was submitted, and of lines. */
const HOUR_COLUMNS: Readonly<Record<string, string>> = {
  project: 'project',
  user: 'owner',
  plan: 'plan',
  node: 'node',
  hardware: 'specification_key',
};
const TERMS_COLUMNS: Readonly<Record<string, string>> = {
  project: 'coalesce(terms.project_uuid, terms.owner)',
  user: 'terms.owner',
  task: 'terms.task_id',
  tag: 'terms.tags',
  plan: 'terms.plan',
};
/** Of days of tasks: what was submitted, and where it was. */
const PLACES: Readonly<Record<string, string>> = { node: 'node', hardware: 'specification_key' };
const TASK_DAY_COLUMNS: Readonly<Record<string, string>> = {
  ...TERMS_COLUMNS,
  ...Object.fromEntries(Object.entries(PLACES).map(([one, column]) => [one, `days.${column}`])),
};
/** Columns of places that rows are divided by. */
const placesOf = (dimensions: readonly SqlDimension[]): readonly string[] =>
  dimensions.flatMap((one) => PLACES[one] ?? []);
const LINE_COLUMNS: Readonly<Record<string, string>> = {
  project: 'coalesce(line.project_uuid, line.owner)',
  user: 'line.owner',
  task: 'line.task_id',
  tag: 'terms.tags',
  plan: 'line.plan',
  node: 'line.node',
  hardware: 'line.specification_key',
  corrects: `CASE WHEN line.counts_at <> coalesce(line.started_at, line.ended_at) THEN to_char(coalesce(line.started_at, line.ended_at) AT TIME ZONE 'UTC', 'YYYY-MM') END`,
};

const keyed = (expressions: readonly string[]): string =>
  expressions.map((expression, index) => `${expression} AS k${index}, `).join('');
const grouped = (count: number): string =>
  count === 0 ? '' : `GROUP BY ${Array.from({ length: count }, (_, index) => index + 1).join(', ')}`;

interface Filters {
  readonly owners: string | undefined;
  readonly project: string | undefined;
}
const whose = ({ owners, project }: Filters, ownerColumn: string, projectColumn: string): string =>
  (owners === undefined ? '' : ` AND ${ownerColumn} = ANY(${owners})`) +
  (project === undefined ? '' : ` AND ${projectColumn} = ${project}`);

/** Sums that are kept of whole units of time (UTC), and how their groups are read. */
interface KeptSums {
  readonly unitMs: number;
  readonly read: (start: string, end: string) => string;
}

/**
 * The sums of an interval: whole hours or days from what is kept of them, and lines where the interval cuts one. Hours know project, user, plan, node and
 * hardware; days of tasks know what was submitted as well. As of an earlier commit, and by the month that is corrected, it is lines alone.
 */
const sourcesOf = (
  dimensions: readonly SqlDimension[],
  { from, to, owners, project, through }: StatementScope,
  parameters: Parameters,
): string => {
  const instant = (at: number): string => parameters.add(new Date(at).toISOString(), 'timestamptz');
  const filters: Filters = {
    owners: owners === undefined ? undefined : parameters.add(owners, 'text[]'),
    project: project === undefined ? undefined : parameters.add(project, 'text'),
  };
  const told = through === undefined ? '' : ` AND line.rated_sequence <= ${parameters.add(through, 'bigint')}`;
  const labels = new Map(
    dimensions.flatMap((one) =>
      one.startsWith('label:')
        ? [[one, `terms.labels ->> ${parameters.add(one.slice('label:'.length), 'text')}`] as const]
        : [],
    ),
  );
  const columnsOf = (known: Readonly<Record<string, string>>): readonly string[] =>
    dimensions.flatMap((one) => known[one] ?? labels.get(one) ?? []);
  const needsTerms = dimensions.includes('tag') || labels.size > 0;
  const ofLines = (start: number, end: number): string =>
    `(SELECT ${keyed(columnsOf(LINE_COLUMNS))}${OF_LINES} FROM bill_line line ${needsTerms ? 'JOIN usage_terms terms USING (task_id) ' : ''}
      WHERE ${LINE_TIME} >= ${instant(start)} AND ${LINE_TIME} < ${instant(end)}${told}
      ${whose(filters, 'line.owner', LINE_COLUMNS['project'] ?? '')} ${grouped(dimensions.length)})`;

  const hours: KeptSums = {
    unitMs: HOUR_MS,
    read: (start, end) => `(SELECT ${keyed(columnsOf(HOUR_COLUMNS))}${SUMMED} FROM usage_hour
      WHERE hour >= ${start} AND hour < ${end}${whose(filters, 'owner', 'project')} ${grouped(dimensions.length)})`,
  };
  // Sums of a task first: they are fewer by far than its days, and what was submitted is looked up once for each.
  const taskDays: KeptSums = {
    unitMs: DAY_MS,
    read: (start, end) => `(SELECT ${keyed(columnsOf(TASK_DAY_COLUMNS))}${SUMMED} FROM
      (SELECT ${['task_id', ...placesOf(dimensions)].join(', ')}, ${OF_TASK_DAYS} FROM usage_task_node_day WHERE day >= ${start} AND day < ${end}${whose({ ...filters, project: undefined }, 'owner', '')} ${grouped(1 + placesOf(dimensions).length)}) days
      JOIN usage_terms terms USING (task_id) WHERE true${whose({ ...filters, owners: undefined }, '', TERMS_COLUMNS['project'] ?? '')} ${grouped(dimensions.length)})`,
  };
  const kept = [
    ...(dimensions.every((one) => one in HOUR_COLUMNS) ? [hours] : []),
    ...(dimensions.every((one) => one in TASK_DAY_COLUMNS || labels.has(one)) ? [taskDays] : []),
  ][0];
  // What is kept is of now.
  if (!kept || through !== undefined) return ofLines(from, to);
  const first = Math.ceil(from / kept.unitMs) * kept.unitMs;
  const last = Math.floor(to / kept.unitMs) * kept.unitMs;
  if (first >= last) return ofLines(from, to);
  return [
    kept.read(instant(first), instant(last)),
    ...(from < first ? [ofLines(from, first)] : []),
    ...(last < to ? [ofLines(last, to)] : []),
  ].join(' UNION ALL ');
};

/** Something with several tags is in the sum of each of them, once; without tags it is in that of none (null). */
const byTag = (dimensions: readonly SqlDimension[]): string => {
  const tag = dimensions.indexOf('tag');
  const keys = dimensions.map((_, index) => `k${index}`);
  if (tag === -1) return 'SELECT * FROM summed';
  const told = keys.map((key, index) => (index === tag ? `tag.value AS ${key}` : key));
  return `SELECT ${told.join(', ')}, ${SUMMED} FROM summed
    LEFT JOIN LATERAL (SELECT DISTINCT value FROM jsonb_array_elements_text(k${tag})) tag ON true ${grouped(keys.length)}`;
};

const rest = (parts: string): string => `mod(mod(${parts}, ${UNIT}) + ${UNIT}, ${UNIT})`;
const whole = (parts: string): string => `div(${parts} - ${rest(parts)}, ${UNIT})`;
const ROUNDED = `div(2 * sum(parts) OVER () + ${UNIT} - mod(mod(2 * sum(parts) OVER () + ${UNIT}, 2 * ${UNIT}) + 2 * ${UNIT}, 2 * ${UNIT}), 2 * ${UNIT})`;

/** `apportion` (libs/domain) over all groups: `units` are micro-units, and sum to the rounded total. */
const sharedSql = (dimensions: readonly SqlDimension[], scope: StatementScope, parameters: Parameters): string => {
  const keys = dimensions.map((_, index) => `k${index}`).join(', ');
  return `WITH part AS (${sourcesOf(dimensions, scope, parameters)}),
    summed AS (SELECT ${keys}, ${SUMMED} FROM part ${grouped(dimensions.length)}),
    divided AS (${byTag(dimensions)}),
    shared AS (SELECT *, count(*) OVER () AS count, ${whole('parts')} +
      CASE WHEN row_number() OVER (ORDER BY ${rest('parts')} DESC, ${keys}) <= ${ROUNDED} - sum(${whole('parts')}) OVER () THEN 1 ELSE 0 END AS units
      FROM divided)`;
};
const inOrder = (dimensions: readonly SqlDimension[]): string =>
  `ORDER BY ${dimensions.map((_, index) => `k${index}`).join(', ')}`;

/** A row of `pageSql`: the total, and beside it a group, or none. */
export interface StatementSqlRow extends SummedRow {
  readonly [key: `k${number}`]: string | null;
  readonly units: string | null;
  readonly count: string | null;
  readonly total: Readonly<Record<keyof SummedRow, string>>;
}

/** A page of groups, each beside the total; one row without a group where the page is empty. Something with several tags is in the total once. */
export const pageSql = (
  dimensions: readonly SqlDimension[],
  scope: StatementScope,
  page: { readonly offset: number; readonly limit: number },
): Sql => {
  const parameters = new Parameters();
  const shared = sharedSql(dimensions, scope, parameters);
  const limits = `LIMIT ${parameters.add(page.limit, 'bigint')} OFFSET ${parameters.add(page.offset, 'bigint')}`;
  const total = SUMS.map((name) => `'${name}', total.${name}::text`).join(', ');
  return {
    text: `${shared} SELECT json_build_object(${total}) AS total, page.*
      FROM (SELECT ${TOTAL} FROM summed) total LEFT JOIN (SELECT * FROM shared ${inOrder(dimensions)} ${limits}) page ON true ${inOrder(dimensions)}`,
    values: parameters.values,
  };
};

/** All groups, without the total. */
export const allSql = (dimensions: readonly SqlDimension[], scope: StatementScope): Sql => {
  const parameters = new Parameters();
  return {
    text: `${sharedSql(dimensions, scope, parameters)} SELECT * FROM shared ${inOrder(dimensions)}`,
    values: parameters.values,
  };
};
