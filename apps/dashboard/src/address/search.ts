import { conditionsIn, type Condition } from './conditions.ts';
import { LANE_ORDERS, type LaneOrder } from '../parts/lane-orders.ts';
import { MAP_COLORS, type MapColor } from '../parts/map-scale.ts';

/** What the address of a page holds, beside its path. What it cannot be is left out, so that no link breaks a page. */
export type Raw = Readonly<Record<string, unknown>>;

export const textIn = (raw: Raw, key: string): string | undefined => {
  const value = raw[key];
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
};

export const oneOf = <T extends string>(raw: Raw, key: string, values: readonly T[]): T | undefined =>
  values.find((value) => value === raw[key]);

/** Without the keys that say nothing, so that addresses stay short. */
export const said = <T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

/**
 * Reads the whole address of a page: what it cannot be is undefined. The router lays what is returned over the raw address,
 * so a key that is only left out would keep what the link says.
 */
export const nothingElse =
  <T extends object>(of: (raw: Raw) => T) =>
  (raw: Raw): T =>
    ({ ...Object.fromEntries(Object.keys(raw).map((key) => [key, undefined])), ...of(raw) }) as T;

export const STATE_GROUPS = ['waiting', 'running', 'success', 'failure', 'cancelled'] as const;
export type StateGroup = (typeof STATE_GROUPS)[number];
export const ORDERS = ['creationDate', 'name', 'state', 'executionTime'] as const;

export const TASK_COLUMNS = [
  'state',
  'instances',
  'running',
  'lasts',
  'onCores',
  'profile',
  'submitted',
  'ended',
] as const;
export type TaskColumn = (typeof TASK_COLUMNS)[number];

/** Columns by their names, with commas between them; in their own order, whatever the address says. */
const columnsIn = (raw: Raw): readonly TaskColumn[] | undefined => {
  const names = textIn(raw, 'columns')?.split(',');
  return names && TASK_COLUMNS.filter((column) => names.includes(column));
};

export interface TasksSearch {
  readonly state?: StateGroup;
  readonly name?: string;
  readonly tag?: string;
  readonly project?: string;
  /** Everybody's tasks in the project, of which the reader sees all. */
  readonly everybody?: true;
  /** Some tasks by their ids, with commas between them. */
  readonly ids?: string;
  /** Further conditions, all of which a task meets. */
  readonly where?: readonly Condition[];
  readonly order?: (typeof ORDERS)[number];
  readonly ascending?: true;
  /** Beside the name; what is usual without. */
  readonly columns?: string;
}

export const searchOfTasks = (raw: Raw): TasksSearch =>
  said({
    state: oneOf(raw, 'state', STATE_GROUPS),
    name: textIn(raw, 'name'),
    tag: textIn(raw, 'tag'),
    project: textIn(raw, 'project'),
    everybody: raw['everybody'] === true ? (true as const) : undefined,
    ids: textIn(raw, 'ids'),
    where: conditionsIn(raw['where']),
    order: oneOf(raw, 'order', ORDERS),
    ascending: raw['ascending'] === true ? (true as const) : undefined,
    columns: columnsIn(raw)?.join(',') || undefined,
  });

const USUAL_COLUMNS: readonly TaskColumn[] = ['state', 'instances', 'lasts', 'submitted'];
/** The columns that an address asks for. */
export const columnsOf = ({ columns }: TasksSearch): readonly TaskColumn[] =>
  columns === undefined ? USUAL_COLUMNS : (columnsIn({ columns }) ?? USUAL_COLUMNS);

export interface BucketSearch {
  readonly folder?: string;
}

export const searchOfBucket = (raw: Raw): BucketSearch => said({ folder: textIn(raw, 'folder') });

export const TABS = ['about', 'instances', 'attempts', 'output', 'files', 'history', 'bill', 'code'] as const;
export type Tab = (typeof TABS)[number];
export const ATTEMPT_VIEWS = ['chart', 'table'] as const;
export const STREAMS = ['stdout', 'stderr'] as const;

export interface TaskSearch {
  readonly tab?: Tab;
  readonly stream?: (typeof STREAMS)[number];
  readonly instance?: number;
  readonly find?: string;
  /** Of the output, from 1. */
  readonly line?: number;
  readonly asOf?: string;
  readonly show?: string;
  /** What the map of instances is colored by. */
  readonly color?: MapColor;
  /** Instances that are chosen, as ranges. */
  readonly chosen?: string;
  /** What there is a row for of the attempts. */
  readonly lanes?: LaneOrder;
  readonly view?: (typeof ATTEMPT_VIEWS)[number];
}

/** Changes the address of a task's page. */
export type Show = (change: { readonly [K in keyof TaskSearch]: TaskSearch[K] | undefined }) => void;

export const wholeNumber = (raw: Raw, key: string): number | undefined => {
  const value = Number(raw[key]);
  return raw[key] !== undefined && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
};

export const searchOfTask = (raw: Raw): TaskSearch =>
  said({
    tab: oneOf(raw, 'tab', TABS),
    stream: oneOf(raw, 'stream', STREAMS),
    instance: wholeNumber(raw, 'instance'),
    find: textIn(raw, 'find'),
    line: wholeNumber(raw, 'line') || undefined,
    asOf: textIn(raw, 'asOf'),
    show: textIn(raw, 'show'),
    color: oneOf(raw, 'color', MAP_COLORS),
    chosen: textIn(raw, 'chosen'),
    lanes: oneOf(raw, 'lanes', LANE_ORDERS),
    view: oneOf(raw, 'view', ATTEMPT_VIEWS),
  });
