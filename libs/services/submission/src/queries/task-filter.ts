import { parseWireDate, parseWireDuration, type WireFilter } from '@fornax/contracts';
import { TASK_STATES } from '@fornax/domain';
import { Invalid } from '@fornax/service-kit';

type FieldType = 'text' | 'state' | 'date' | 'duration' | 'number' | 'boolean' | 'list';

interface Field {
  readonly sql: string;
  readonly type: FieldType;
}

/** The sentinel for "no date", in milliseconds: year 1 compares below every true date, as it does for clients. */
const NO_DATE_MS = -62_135_596_800_000;
const date = (column: string): Field => ({ sql: `coalesce(${column}, ${NO_DATE_MS})`, type: 'date' });
const text = (sql: string): Field => ({ sql, type: 'text' });
const number = (sql: string): Field => ({ sql, type: 'number' });
const none: Field = text('NULL::text');

/** What may be filtered by, in lower case, and where it lies (contract, section 1.12). No text of a request ever becomes SQL. */
const FIELDS: ReadonlyMap<string, Field> = new Map(
  Object.entries({
    uuid: text('task_id'),
    shortname: text('shortname'),
    name: text('name'),
    profile: text('profile'),
    pooluuid: none,
    jobuuid: none,
    projectuuid: none,
    state: { sql: 'state', type: 'state' },
    previousstate: { sql: 'previous_state', type: 'state' },
    statetransitiontime: date('state_ms'),
    previousstatetransitiontime: date('previous_state_ms'),
    lastmodified: date('modified_ms'),
    creationdate: date('created_ms'),
    enddate: date('end_ms'),
    tags: { sql: 'tags', type: 'list' },
    'dependencies.dependson': { sql: `'{}'::text[]`, type: 'list' },
    resultscount: number('results_count'),
    instancecount: number('instance_count'),
    totalinstancecount: number('total_instances'),
    runninginstancecount: number('running_instances'),
    runningcorecount: number('running_cores'),
    snapshotinterval: number('0'),
    maxtimequeueseconds: number(`(spec->'echo'->>'maxTimeQueueSeconds')::numeric`),
    defaultresourcescachettlsec: number(`coalesce((spec->'echo'->>'defaultResourcesCacheTTLSec')::numeric, 7776000)`),
    executiontime: { sql: 'execution_ms', type: 'duration' },
    walltime: { sql: `(coalesce(end_ms, (extract(epoch from now()) * 1000)::bigint) - created_ms)`, type: 'duration' },
    resultbucket: text(`spec->>'resultBucket'`),
    resultsbucket: text(`spec->>'resultBucket'`),
    resultsbucketprefix: text(`spec->>'resultsPrefix'`),
    resultswhitelist: text(`spec->>'resultsWhitelist'`),
    resultsblacklist: text(`spec->>'resultsBlacklist'`),
    snapshotbucket: text(`spec->>'snapshotBucket'`),
    snapshotbucketprefix: text(`spec->>'snapshotPrefix'`),
    snapshotwhitelist: text(`spec->>'snapshotWhitelist'`),
    snapshotblacklist: text(`spec->>'snapshotBlacklist'`),
    schedulingtype: text('plan'),
    autodeleteoncompletion: {
      sql: `coalesce((spec->'echo'->>'autoDeleteOnCompletion')::boolean, false)`,
      type: 'boolean',
    },
  } satisfies Record<string, Field>),
);

const COMPARISONS = new Map([
  ['lessthan', '<'],
  ['lessthanorequal', '<='],
  ['greaterthan', '>'],
  ['greaterthanorequal', '>='],
]);
const SQL_TYPES: Readonly<Record<FieldType, string>> = {
  text: 'text',
  state: 'text',
  list: 'text',
  date: 'bigint',
  duration: 'double precision',
  number: 'double precision',
  boolean: 'boolean',
};

const invalid = (message: string): Invalid => new Invalid(message, { code: 'bad-filter' });

const isScalar = (value: unknown): value is string | number | boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

/** One value of the request as the column's type. */
const operand = ({ type }: Field, name: string, value: unknown): string | number | boolean => {
  const wrong = (): Invalid => invalid(`The filter's value for ${name} is not a ${type}`);
  if (!isScalar(value)) throw wrong();
  switch (type) {
    case 'text':
    case 'list':
      return String(value);
    case 'state':
      return TASK_STATES.find((state) => state.toLowerCase() === String(value).toLowerCase()) ?? String(value);
    case 'date': {
      const at = typeof value === 'string' ? parseWireDate(value) : undefined;
      if (at === undefined) throw wrong();
      return at;
    }
    case 'duration': {
      const ms = typeof value === 'boolean' ? undefined : parseWireDuration(value);
      if (ms === undefined) throw wrong();
      return ms;
    }
    case 'number': {
      const parsed = typeof value === 'boolean' || value === '' ? Number.NaN : Number(value);
      if (!Number.isFinite(parsed)) throw wrong();
      return parsed;
    }
    case 'boolean': {
      const word = String(value).toLowerCase();
      if (word !== 'true' && word !== 'false') throw wrong();
      return word === 'true';
    }
  }
};

/** Collects parameters of a statement; `add` gives a value's place. */
export class Parameters {
  readonly values: unknown[];
  /** True once a pattern of the caller is among them: how long it takes is the caller's doing. */
  hasPattern = false;

  constructor(...first: readonly unknown[]) {
    this.values = [...first];
  }

  add(value: unknown, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }

  addPattern(value: unknown): string {
    this.hasPattern = true;
    return this.add(patternOf(value), 'text');
  }
}

/** `/…/` and bare patterns are the same (contract, 5.46). */
const patternOf = (value: unknown): string => {
  if (typeof value !== 'string') throw invalid('Like needs a pattern');
  const pattern = value.length >= 2 && value.startsWith('/') && value.endsWith('/') ? value.slice(1, -1) : value;
  try {
    new RegExp(pattern);
  } catch {
    throw invalid(`Not a valid pattern: ${value}`);
  }
  return pattern;
};

const listOf = ({ value, values }: WireFilter): readonly unknown[] => {
  const list = values ?? value;
  if (!Array.isArray(list)) throw invalid('In and NotIn need a list of values');
  return list;
};

const leaf = (filter: WireFilter, parameters: Parameters): string => {
  const { operator, field: name = '', value } = filter;
  const field = FIELDS.get(name.toLowerCase());
  if (!field) throw invalid(`Unknown field: ${name}`);
  const sqlType = SQL_TYPES[field.type];
  const isList = field.type === 'list';
  const one = (): string => parameters.add(operand(field, name, value), sqlType);
  switch (operator.toLowerCase()) {
    case 'equal':
      if (value === undefined || value === null)
        return isList ? `cardinality(${field.sql}) = 0` : `${field.sql} IS NULL`;
      return isList ? `${one()} = ANY(${field.sql})` : `${field.sql} = ${one()}`;
    case 'notequal':
      if (value === undefined || value === null)
        return isList ? `cardinality(${field.sql}) > 0` : `${field.sql} IS NOT NULL`;
      return isList ? `NOT (${one()} = ANY(${field.sql}))` : `${field.sql} IS DISTINCT FROM ${one()}`;
    case 'in':
    case 'notin': {
      const list = parameters.add(
        listOf(filter).map((item) => operand(field, name, item)),
        `${sqlType}[]`,
      );
      const isIn = isList ? `${field.sql} && ${list}` : `coalesce(${field.sql} = ANY(${list}), false)`;
      return operator.toLowerCase() === 'in' ? isIn : `NOT (${isIn})`;
    }
    case 'like':
      if (field.type === 'text' || field.type === 'state') return `${field.sql} ~ ${parameters.addPattern(value)}`;
      if (isList)
        return `EXISTS (SELECT 1 FROM unnest(${field.sql}) AS item WHERE item ~ ${parameters.addPattern(value)})`;
      throw invalid(`Like does not apply to ${name}`);
    default: {
      const comparison = COMPARISONS.get(operator.toLowerCase());
      if (comparison === undefined) throw invalid(`Unknown operator: ${operator}`);
      if (isList || field.type === 'boolean') throw invalid(`${operator} does not apply to ${name}`);
      return `${field.sql} ${comparison} ${one()}`;
    }
  }
};

/**
 * A filter of the API as a condition on `task`, with all its values as parameters.
 * @throws Invalid an unknown field or operator, or a value of the wrong kind
 */
export const filterSql = (filter: WireFilter | undefined, parameters: Parameters): string => {
  if (!filter) return 'TRUE';
  const operator = filter.operator.toLowerCase();
  if (operator !== 'and' && operator !== 'or') return `(${leaf(filter, parameters)})`;
  const parts = (filter.filters ?? []).map((part) => filterSql(part, parameters));
  if (parts.length === 0) return 'TRUE';
  return `(${parts.join(operator === 'and' ? ' AND ' : ' OR ')})`;
};
