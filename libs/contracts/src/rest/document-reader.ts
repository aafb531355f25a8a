import type { z } from 'zod';
import { plainError } from './plain-errors.js';
import {
  definitionOf,
  errorsAt,
  isRecord,
  MOST_PLACES,
  pathOf,
  resultOf,
  textErrors,
  unwrapped,
  type WireResult,
} from './wire.js';

/** A field that a schema does not know. */
interface ForeignField {
  readonly holder: Readonly<Record<string, unknown>>;
  readonly key: string;
  readonly path: readonly PropertyKey[];
}

type Foreign = (value: unknown, path: readonly PropertyKey[]) => readonly ForeignField[];
const nothingForeign: Foreign = () => [];

/** Finds fields of a value that its schema does not know, at any depth. Keys of records are data. */
const foreignIn = (schema: z.core.$ZodType): Foreign => {
  const def = definitionOf(unwrapped(schema));
  switch (def.type) {
    case 'object': {
      const fields = new Map(Object.entries(def.shape).map(([name, field]) => [name, foreignIn(field)]));
      return (value, path) =>
        isRecord(value)
          ? Object.keys(value).flatMap(
              (key) => fields.get(key)?.(value[key], [...path, key]) ?? [{ holder: value, key, path: [...path, key] }],
            )
          : [];
    }
    case 'array': {
      const element = foreignIn(def.element);
      return (value, path) =>
        Array.isArray(value) ? value.flatMap((item: unknown, index) => element(item, [...path, index])) : [];
    }
    case 'union': {
      const forms = def.options.filter((form) => definitionOf(form).type === 'object').map(foreignIn);
      // In the form that fits best.
      return (value, path) =>
        isRecord(value) ? (forms.map((form) => form(value, path)).sort((a, b) => a.length - b.length)[0] ?? []) : [];
    }
    default:
      return nothingForeign;
  }
};

/** The body without these fields, so that the schema finds what else is wrong. */
const without = (body: unknown, fields: readonly ForeignField[]): unknown => {
  const dropped = new Map<object, Set<string>>();
  for (const { holder, key } of fields) dropped.set(holder, (dropped.get(holder) ?? new Set()).add(key));
  const copied = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(copied);
    if (!isRecord(value)) return value;
    const own = dropped.get(value);
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, item]) => (own?.has(key) === true ? [] : [[key, copied(item)]])),
    );
  };
  return fields.length === 0 ? body : copied(body);
};

/**
 * Compiles a reader of a document of ours: names are as they are written, and what the schema does not know or is null is wrong, at any depth.
 * The answer names all that is wrong, not what is found first.
 */
export const documentReader = <S extends z.ZodType>(schema: S): ((body: unknown) => WireResult<z.output<S>>) => {
  const foreign = foreignIn(schema);
  return (body) => {
    const unknown = foreign(body, []);
    const parsed = schema.safeParse(without(body, unknown), { error: plainError });
    const places = unknown.slice(0, MOST_PLACES).map(({ path }) => pathOf(path));
    return resultOf(parsed, { ...textErrors(body), ...errorsAt(places, 'There is no such field.') });
  };
};
