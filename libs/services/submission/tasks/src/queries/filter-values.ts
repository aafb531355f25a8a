import { parseWireDate, parseWireDuration } from '@fornax/contracts';
import { JOB_STATES, TASK_STATES } from '@fornax/domain';
import { Invalid } from '@fornax/base';

export type ScalarType = 'text' | 'uuid' | 'state' | 'date' | 'duration' | 'number' | 'boolean';
export type Operand = string | number | boolean;

/** What a value is handed to Postgres as. */
export const SQL_TYPES: Readonly<Record<ScalarType, string>> = {
  text: 'text',
  uuid: 'text',
  state: 'text',
  date: 'bigint',
  duration: 'double precision',
  number: 'double precision',
  boolean: 'boolean',
};

/** The sentinel for "no date", in milliseconds: year 1 compares below every true date, as it does for clients. */
export const NO_DATE_MS = -62_135_596_800_000;
const ZERO_GUID = '00000000-0000-0000-0000-000000000000';

/** Of all kinds of objects that are filtered. */
const STATES: readonly string[] = [...TASK_STATES, ...JOB_STATES];

const isScalar = (value: unknown): value is Operand =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

/** The value as the field's type; undefined when it cannot be one. */
const converted = (type: ScalarType, value: Operand): Operand | undefined => {
  switch (type) {
    case 'text':
      return String(value);
    case 'uuid':
      return String(value).toLowerCase();
    case 'state':
      return STATES.find((state) => state.toLowerCase() === String(value).toLowerCase()) ?? String(value);
    case 'date':
      return typeof value === 'string' ? parseWireDate(value) : undefined;
    case 'duration':
      return typeof value === 'boolean' ? undefined : parseWireDuration(value);
    case 'number': {
      const parsed = typeof value === 'boolean' || String(value).trim() === '' ? Number.NaN : Number(value);
      return Number.isFinite(parsed) ? parsed : undefined;
    }
    case 'boolean': {
      const word = String(value).toLowerCase();
      return word === 'true' ? true : word === 'false' ? false : undefined;
    }
  }
};

/**
 * One value of the request; null stands for "not there", which for an id is also what C# calls the empty Guid,
 * and for a date the year 1.
 * @throws Invalid it is not of the field's type
 */
export const operandOf = (type: ScalarType, name: string, value: unknown): Operand | null => {
  if (value === null || value === undefined) return type === 'date' ? NO_DATE_MS : null;
  if (type === 'uuid' && value === ZERO_GUID) return null;
  const operand = isScalar(value) ? converted(type, value) : undefined;
  if (operand === undefined)
    throw new Invalid(`The filter's value for ${name} is not a ${type}`, { code: 'bad-filter' });
  return operand;
};
