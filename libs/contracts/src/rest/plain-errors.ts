import type { z } from 'zod';

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  bigint: 'a whole number',
  boolean: 'true or false',
  date: 'a date',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

const FORMATS: Readonly<Record<string, string>> = {
  email: 'an e-mail address',
  url: 'a URL',
  uuid: 'a UUID',
  guid: 'a UUID',
  datetime: 'a date and time',
  date: 'a date',
};

const atLeastOne = (count: number | bigint, one: string, many: string): string =>
  `${count} ${Number(count) === 1 ? one : many}`;

/** What is counted of a value: characters of a text, entries of a list; a number counts as itself. */
const amountOf = (origin: string, limit: number | bigint): string | undefined => {
  if (origin === 'string') return atLeastOne(limit, 'character', 'characters');
  if (origin === 'array' || origin === 'set') return atLeastOne(limit, 'entry', 'entries');
  return undefined;
};

const nameOf = (origin: string): string => (origin === 'string' ? 'text' : 'list');

/**
 * Says in a sentence what is wrong with a value that a client has sent, where the schema has no sentence of its own. For `safeParse(value, { error })`.
 * Every text of a 400 that a schema causes comes from here or from the schema.
 */
export const plainError: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'The value is missing.';
      return `The value must be ${KINDS[issue.expected] ?? issue.expected}.`;
    case 'too_big': {
      const amount = amountOf(issue.origin, issue.maximum);
      if (amount !== undefined) return `The ${nameOf(issue.origin)} may have at most ${amount}.`;
      return `The value must be ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}.`;
    }
    case 'too_small': {
      const amount = amountOf(issue.origin, issue.minimum);
      if (amount !== undefined && Number(issue.minimum) === 1) return `The ${nameOf(issue.origin)} must not be empty.`;
      if (amount !== undefined) return `The ${nameOf(issue.origin)} must have at least ${amount}.`;
      return `The value must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}.`;
    }
    case 'invalid_format':
      return FORMATS[issue.format] === undefined
        ? 'The text does not have the form that is needed here.'
        : `The text must be ${FORMATS[issue.format]}.`;
    case 'not_multiple_of':
      return `The value must be a multiple of ${issue.divisor}.`;
    case 'invalid_value':
      return issue.values.length === 1
        ? `The value must be ${String(issue.values[0])}.`
        : `The value must be one of ${issue.values.map(String).join(', ')}.`;
    case 'unrecognized_keys':
      return `There is no such field: ${issue.keys.join(', ')}.`;
    case 'invalid_union':
      return 'The value has none of the forms that are possible here.';
    case 'invalid_key':
      return 'A key is not valid.';
    case 'invalid_element':
      return 'An entry is not valid.';
    default:
      return undefined;
  }
};
