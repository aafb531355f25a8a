import { harmlessLine } from './harmless.js';

type Cell = string | number;

/** A cell that is longer is shown whole, and does not push those below it away. */
const WIDEST = 60;

/** Columns as wide as their widest cell of up to 60 letters; the first row is the heading. Numbers stand on the right. Cells hold text of others: it is shown, not obeyed. */
export const renderTable = (cells: readonly (readonly Cell[])[]): string => {
  const rows = cells.map((row) => row.map((value) => (typeof value === 'number' ? value : harmlessLine(value))));
  const widths = (rows[0] ?? []).map((_, column) =>
    rows.reduce((most, row) => Math.max(most, Math.min(WIDEST, String(row[column] ?? '').length)), 0),
  );
  const cell = (value: Cell, column: number): string =>
    typeof value === 'number' ? String(value).padStart(widths[column] ?? 0) : value.padEnd(widths[column] ?? 0);
  return rows.map((row) => row.map(cell).join('  ').trimEnd()).join('\n');
};
