import type { TaskSpec } from '@fornax/domain';

/** When an object came to be, changed, passed to its state and ended, as Postgres gives it: bigint comes as text. */
export interface TimesRecord {
  readonly state_ms: string;
  readonly previous_state_ms: string | null;
  readonly created_ms: string;
  readonly modified_ms: string;
  readonly end_ms: string | null;
}

/** The same in milliseconds since 1970. */
export interface WorkTimes {
  readonly stateMs: number;
  readonly previousStateMs: number | null;
  readonly createdMs: number;
  readonly modifiedMs: number;
  readonly endMs: number | null;
}

/** Columns that make up a TimesRecord. */
export const TIMES_COLUMNS = 'state_ms, previous_state_ms, created_ms, modified_ms, end_ms';

const numberOrNull = (text: string | null): number | null => (text === null ? null : Number(text));

export const timesOf = (record: TimesRecord): WorkTimes => ({
  stateMs: Number(record.state_ms),
  previousStateMs: numberOrNull(record.previous_state_ms),
  createdMs: Number(record.created_ms),
  modifiedMs: Number(record.modified_ms),
  endMs: numberOrNull(record.end_ms),
});

type WorkSpec = Pick<
  TaskSpec,
  'shortname' | 'name' | 'profile' | 'tags' | 'autoDeleteOnCompletion' | 'completionTimeToLiveSeconds'
>;

/** What the rows of tasks and of pools are made of. */
interface WorkStatus extends WorkTimes {
  readonly fold: { readonly owner: string; readonly spec: WorkSpec };
  readonly state: string;
  readonly previousState: string | null;
  readonly usage: { readonly executionMs: number };
  readonly sequence: number;
}

/** When it is to be deleted; null while it is not over, and for one that is kept. */
const deleteAtMs = ({ endMs, fold }: WorkStatus): number | null => {
  const { completionTimeToLiveSeconds: seconds } = fold.spec;
  return endMs === null || seconds === undefined ? null : endMs + seconds * 1_000;
};

export interface Column<S> {
  readonly name: string;
  readonly type: string;
  readonly value: (status: S) => unknown;
}

/** Columns that tasks and pools have alike and that change as they go on. */
export const CHANGING_COLUMNS: readonly Column<WorkStatus>[] = [
  { name: 'state', type: 'text', value: (s) => s.state },
  { name: 'previous_state', type: 'text', value: (s) => s.previousState },
  { name: 'state_ms', type: 'bigint', value: (s) => s.stateMs },
  { name: 'previous_state_ms', type: 'bigint', value: (s) => s.previousStateMs },
  { name: 'modified_ms', type: 'bigint', value: (s) => s.modifiedMs },
  { name: 'end_ms', type: 'bigint', value: (s) => s.endMs },
  { name: 'delete_at_ms', type: 'bigint', value: deleteAtMs },
  { name: 'execution_ms', type: 'bigint', value: (s) => s.usage.executionMs },
  { name: 'usage', type: 'jsonb', value: (s) => s.usage },
  { name: 'sequence', type: 'bigint', value: (s) => s.sequence },
];

/** Columns that tasks and pools have alike and that only their owners change. */
export const LASTING_COLUMNS: readonly Column<WorkStatus>[] = [
  { name: 'owner', type: 'text', value: (s) => s.fold.owner },
  { name: 'shortname', type: 'text', value: (s) => s.fold.spec.shortname },
  { name: 'name', type: 'text', value: (s) => s.fold.spec.name },
  { name: 'profile', type: 'text', value: (s) => s.fold.spec.profile },
  { name: 'created_ms', type: 'bigint', value: (s) => s.createdMs },
  { name: 'tags', type: 'text[]', value: (s) => s.fold.spec.tags },
  { name: 'auto_delete', type: 'boolean', value: (s) => s.fold.spec.autoDeleteOnCompletion === true },
  { name: 'spec', type: 'jsonb', value: (s) => s.fold.spec },
];

/** The rows as one parameter, which Postgres takes apart in one pass. */
export const rowsOf = <S>(columns: readonly Column<S>[], statuses: readonly S[]): string =>
  JSON.stringify(statuses.map((status) => Object.fromEntries(columns.map(({ name, value }) => [name, value(status)]))));
const recordsOf = <S>(columns: readonly Column<S>[]): string =>
  `json_to_recordset($1::json) AS r(${columns.map(({ name, type }) => `${name} ${type}`).join(', ')})`;
const assignments = <S>(columns: readonly Column<S>[], from: string): string =>
  columns.map(({ name }) => `${name} = ${from}.${name}`).join(', ');

/** Writes whole rows, the first column of which is the key. `$1` is `rowsOf` the same columns. */
export const upsertSql = <S>(table: string, columns: readonly [Column<S>, ...Column<S>[]]): string => {
  const [key, ...rest] = columns;
  const names = columns.map(({ name }) => name).join(', ');
  return `INSERT INTO ${table} (${names}) SELECT ${names} FROM ${recordsOf(columns)}
  ON CONFLICT (${key.name}) DO UPDATE SET ${assignments(rest, 'excluded')}`;
};

/** Writes these columns of rows that there are, the first of which is the key. */
export const updateSql = <S>(table: string, columns: readonly [Column<S>, ...Column<S>[]]): string => {
  const [key, ...rest] = columns;
  return `UPDATE ${table} SET ${assignments(rest, 'r')} FROM ${recordsOf(columns)} WHERE ${table}.${key.name} = r.${key.name}`;
};
