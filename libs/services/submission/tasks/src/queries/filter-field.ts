import { NO_DATE_MS, type ScalarType } from './filter-values.js';
import { Invalid } from '@fornax/base';
import type { Parameters } from './filter-parameters.js';

/**
 * Where a field of the filter language lies. A `scalar` is an expression on the row of the object; a `list` is a set of rows `x(item)`, and is
 * compared by what it contains; an `object` is only ever there or not there, its parts are fields of their own.
 */
export type Field =
  | { readonly kind: 'scalar'; readonly type: ScalarType; readonly sql: string }
  | {
      readonly kind: 'list';
      readonly type: ScalarType;
      readonly items: string;
      /** A faster way to ask for any of some values among what one owner (`$1`) has, given the place of an array of them. */
      readonly hasAny?: (values: string) => string;
    }
  | { readonly kind: 'object'; readonly isThere: string };

export const NOW_MS = '(extract(epoch from now()) * 1000)::bigint';

export const scalar = (type: ScalarType, sql: string): Field => ({ kind: 'scalar', type, sql });
export const text = (sql: string): Field => scalar('text', sql);
export const uuid = (sql: string): Field => scalar('uuid', sql);
export const number = (sql: string): Field => scalar('number', sql);
export const boolean = (sql: string): Field => scalar('boolean', sql);
export const date = (column: string): Field => scalar('date', `coalesce(${column}, ${NO_DATE_MS})`);
/** In whole seconds, as it is shown. */
export const duration = (ms: string): Field => scalar('duration', `(greatest(0, ${ms}) / 1000) * 1000`);

export const numberAt = (path: string): string => `(${path})::double precision`;

/** The elements of a JSON array that may be missing. */
export const elements = (array: string): string =>
  `jsonb_array_elements(CASE jsonb_typeof(${array}) WHEN 'array' THEN ${array} ELSE '[]'::jsonb END)`;
export const always: Field = { kind: 'object', isThere: 'TRUE' };

/** Finds a field by its name, in any case. @throws Invalid naming the field that nobody knows */
export type FieldLookup = (name: string, parameters: Parameters) => Field;

/**
 * The fields of one kind of objects.
 * @param fields by name in lower case
 * @param keyed beginnings of names whose rest is a key of the user's own, which keeps its case, and the text under such a key
 */
export const fieldsOf = (
  fields: Readonly<Record<string, Field>>,
  keyed: readonly (readonly [string, (key: string) => string])[] = [],
): FieldLookup => {
  const known = new Map(Object.entries(fields));
  return (name, parameters) => {
    const lower = name.toLowerCase();
    const field = known.get(lower);
    if (field) return field;
    for (const [prefix, sql] of keyed) {
      if (lower.startsWith(prefix) && name.length > prefix.length)
        return text(sql(parameters.add(name.slice(prefix.length), 'text')));
    }
    throw new Invalid(`Unknown field: ${name}`, { code: 'bad-filter' });
  };
};

/** What tasks and pools may be filtered by alike: both have a row of the same columns. */
export const FIELDS_OF_WORK: Readonly<Record<string, Field>> = {
  shortname: text('shortname'),
  name: text('name'),
  profile: text('profile'),
  projectuuid: uuid(`spec->>'projectUuid'`),
  state: scalar('state', 'state'),
  previousstate: scalar('state', 'previous_state'),
  statetransitiontime: date('state_ms'),
  previousstatetransitiontime: date('previous_state_ms'),
  lastmodified: date('modified_ms'),
  creationdate: date('created_ms'),
  enddate: date('end_ms'),
};
