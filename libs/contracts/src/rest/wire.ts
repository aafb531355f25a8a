import { z } from 'zod';
import { plainError } from './plain-errors.js';

/** Errors by field path (`constants[2].key`), as validation problems carry them (contract, section 1.7). */
export type WireErrors = Readonly<Record<string, readonly string[]>>;
export type WireResult<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly errors: WireErrors };

const ZERO_GUID = '00000000-0000-0000-0000-000000000000';
const references = new WeakSet<z.core.$ZodType>();

/** An id of another object. Empty text and the zero Guid mean that there is none (contract, 5.2). */
export const reference = (): z.ZodString => {
  const schema = z.string().max(256);
  references.add(schema);
  return schema;
};

const nullTakers = new WeakSet<z.core.$ZodType>();

/** JSON numbers are read as doubles, so one beyond their whole numbers is not what was sent. */
const isExact = (value: number): boolean => !Number.isInteger(value) || Number.isSafeInteger(value);
const exactNumber = z.number().refine(isExact, 'A number of this size is not kept exactly: send it as text.');

const invariant = (value: string | number | boolean | null): string => (value === null ? '' : String(value));

/** User data that is text, also when a script sends a number or a boolean: `26`, `true` (contract, section 7.2). */
export const textOf = (maxChars: number) =>
  z
    .union([z.string().max(maxChars), exactNumber, z.boolean()])
    .transform(invariant)
    .pipe(z.string().max(maxChars));

/** The same where null is the empty text. */
export const textOrEmpty = (maxChars: number) => {
  const schema = z
    .union([z.string().max(maxChars), exactNumber, z.boolean(), z.null()])
    .transform(invariant)
    .pipe(z.string().max(maxChars));
  nullTakers.add(schema);
  return schema;
};

type Normalize = (value: unknown) => unknown;
type Fields = ReadonlyMap<
  string,
  { readonly name: string; readonly takesNull: boolean; readonly normalize: Normalize }
>;

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const asIs: Normalize = (value) => value;

type Definition = z.core.$ZodTypes['_zod']['def'];
/** A schema's own type definition. */
export const definitionOf = (schema: z.core.$ZodType): Definition => schema._zod.def as Definition;

/** The schema that reads the input, below the wrappers that zod offers. */
export const unwrapped = (schema: z.core.$ZodType): z.core.$ZodType => {
  const def = definitionOf(schema);
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'readonly':
    case 'nonoptional':
    case 'catch':
      return unwrapped(def.innerType);
    case 'pipe':
      return unwrapped(def.in);
    default:
      return schema;
  }
};

/**
 * How to read one schema's input: keys match in any case and are given their own name, keys that the schema does not know are dropped unless it
 * is a strict one, null and empty references are absent (contract, sections 1.4, 5.1 to 5.3). Keys of records are user data and keep their case.
 */
const compile = (wrapped: z.core.$ZodType): Normalize => {
  const schema = unwrapped(wrapped);
  const def = definitionOf(schema);
  switch (def.type) {
    case 'object':
      return compileObject(def.shape, isStrict(def));
    case 'array': {
      const element = compile(def.element);
      return (value) => (Array.isArray(value) ? value.map(element) : value);
    }
    case 'record': {
      const normalize = compile(def.valueType);
      const takesNull = nullTakers.has(def.valueType);
      return (value) =>
        isRecord(value)
          ? Object.fromEntries(
              Object.entries(value)
                .filter(([, item]) => takesNull || item !== null)
                .map(([key, item]) => [key, normalize(item)]),
            )
          : value;
    }
    case 'lazy': {
      let normalize: Normalize | undefined;
      return (value) => (normalize ??= compile(def.getter()))(value);
    }
    case 'string':
      return references.has(schema) ? (value) => (value === '' || value === ZERO_GUID ? undefined : value) : asIs;
    default:
      return asIs;
  }
};

/** Whether a schema refuses what it does not know: such fields are left for it to find. */
const isStrict = ({ catchall }: { readonly catchall?: z.core.$ZodType | undefined }): boolean =>
  catchall !== undefined && definitionOf(catchall).type === 'never';

const compileObject = (shape: Readonly<Record<string, z.core.$ZodType>>, keepsUnknown: boolean): Normalize => {
  const fields: Fields = new Map(
    Object.entries(shape).map(([name, schema]) => [
      name.toLowerCase(),
      { name, takesNull: nullTakers.has(schema), normalize: compile(schema) },
    ]),
  );
  const exact: Fields = new Map([...fields.values()].map((field) => [field.name, field]));
  return (value) => {
    if (!isRecord(value)) return value;
    const result: Record<string, unknown> = {};
    for (const key in value) {
      const item = value[key];
      if (item === undefined) continue;
      const field = exact.get(key) ?? fields.get(key.toLowerCase());
      if (!field && keepsUnknown && item !== null) result[key] = item;
      if (!field || (item === null && !field.takesNull)) continue;
      const normal = field.normalize(item);
      if (normal !== undefined) result[field.name] = normal;
    }
    return result;
  };
};

/** Places of one kind that an answer names. */
export const MOST_PLACES = 100;

/** Text that Postgres can hold: no NUL, no half of a surrogate pair. One such character would stop every projection behind it. */
const isStorable = (text: string): boolean => !text.includes('\0') && text.isWellFormed();

/** Adds the places of texts that cannot be stored. */
const findUnstorable = (value: unknown, path: string, found: string[]): void => {
  if (found.length >= MOST_PLACES) return;
  if (typeof value === 'string') {
    if (!isStorable(value)) found.push(path);
  } else if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) findUnstorable(value[index], `${path}[${index}]`, found);
  } else if (isRecord(value)) {
    for (const key in value) {
      const at = path === '' ? key : `${path}.${key}`;
      if (isStorable(key)) findUnstorable(value[key], at, found);
      else found.push(at);
    }
  }
};

/** What cannot be stored of a body, by its place. */
export const textErrors = (value: unknown): WireErrors => {
  const found: string[] = [];
  findUnstorable(value, '', found);
  return errorsAt(found, 'The text holds a character that cannot be stored.');
};

/** The same is wrong at all of these places. */
export const errorsAt = (places: readonly string[], message: string): WireErrors =>
  Object.fromEntries(places.map((place) => [place, [message]]));

/** A place in a document: `tasks[0].name`. */
export const pathOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, step) =>
      typeof step === 'number' ? `${text}[${step}]` : text === '' ? String(step) : `${text}.${String(step)}`,
    '',
  );

type Issue = z.core.$ZodIssue;

/** The issue itself, or what says more: what is wrong with a key, or with the only form of several that a value has outwardly. */
const tellingIssues = (issue: Issue): readonly Issue[] => {
  const within = ({ path, ...inner }: Issue): Issue => ({ ...inner, path: [...issue.path, ...path] }) as Issue;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ ...issue, path: [...issue.path, key], message: 'There is no such field.' }));
  if (issue.code === 'invalid_key') return issue.issues.map((inner) => ({ ...inner, path: issue.path }) as Issue);
  if (issue.code !== 'invalid_union') return [issue];
  const [form, ...others] = issue.errors.filter((inners) => inners.every(({ path }) => path.length > 0));
  return form && others.length === 0 ? form.map(within).flatMap(tellingIssues) : [issue];
};

/** What a schema finds wrong, by field. */
const schemaErrors = (error: z.ZodError): WireErrors => {
  const errors: Record<string, string[]> = {};
  for (const { path, message } of error.issues.flatMap(tellingIssues)) (errors[pathOf(path)] ??= []).push(message);
  return errors;
};

/** What was read, unless the schema or something before it found it wrong. */
export const resultOf = <T>(parsed: z.ZodSafeParseResult<T>, before: WireErrors): WireResult<T> => {
  if (parsed.success && Object.keys(before).length === 0) return { ok: true, value: parsed.data };
  return { ok: false, errors: { ...(parsed.success ? {} : schemaErrors(parsed.error)), ...before } };
};

/** `takesAnyText`: nothing of the body is stored as it is, so the schema alone says which texts it takes. */
export interface WireText {
  readonly takesAnyText?: boolean;
}

/**
 * Compiles a reader of one public body. The reader never throws: it answers the parsed body, or what is wrong by field.
 * The whole translation between the wire and our names happens here and nowhere else.
 */
export const wireReader = <S extends z.ZodType>(
  schema: S,
  { takesAnyText = false }: WireText = {},
): ((body: unknown) => WireResult<z.output<S>>) => {
  const normalize = compile(schema);
  const read = (body: unknown): WireResult<z.output<S>> => {
    const normal = normalize(body);
    return resultOf(schema.safeParse(normal, { error: plainError }), takesAnyText ? {} : textErrors(normal));
  };
  return (body) => {
    try {
      return read(body);
    } catch (error) {
      // Only a filter nests without end; the stack is the limit, and its end is the caller's mistake, not ours.
      if (error instanceof RangeError) return { ok: false, errors: { '': ['The body is nested too deeply.'] } };
      throw error;
    }
  };
};
