import type { Cell } from './table.js';
import { UsageError } from './usage-error.js';

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A document as rows: one, or those of a list; undefined where it is something else. */
const rowsOf = (value: unknown): readonly Fields[] | undefined => {
  const rows: readonly unknown[] = Array.isArray(value) ? value : [value];
  return rows.every(isFields) ? rows : undefined;
};

/** The wanted fields in the wanted order, whatever the case; all of them where none is named. @throws UsageError there is none of a name */
const namesIn = (rows: readonly Fields[], columns: readonly string[] | undefined): readonly string[] => {
  const all = [...new Set(rows.flatMap(Object.keys))];
  if (rows.length === 0) return columns ?? all;
  return (columns ?? all).map((name) => {
    const found = all.find((one) => one.toLowerCase() === name.toLowerCase());
    if (found === undefined) throw new UsageError(`There is no field ${name}; there are ${all.join(', ')}.`);
    return found;
  });
};

/** Only some fields of a document, or of each of a list. @throws UsageError */
export const withFields = (value: unknown, columns: readonly string[] | undefined): unknown => {
  const rows = rowsOf(value);
  if (columns === undefined || rows === undefined) return value;
  const names = namesIn(rows, columns);
  const some = rows.map((row) => Object.fromEntries(names.map((name) => [name, row[name] ?? null])));
  return Array.isArray(value) ? some : some[0];
};

const cellOf = (value: unknown): Cell => {
  if (typeof value === 'string' || typeof value === 'number') return value;
  return value === null || value === undefined ? '' : JSON.stringify(value);
};

export interface DocumentRows {
  readonly names: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** A document as rows of cells; what is within a field is JSON. @returns undefined where it has no fields @throws UsageError */
export const documentRows = (value: unknown, columns: readonly string[] | undefined): DocumentRows | undefined => {
  const rows = rowsOf(value);
  if (rows === undefined) return undefined;
  const names = namesIn(rows, columns);
  return { names, rows: rows.map((row) => names.map((name) => cellOf(row[name]))) };
};
