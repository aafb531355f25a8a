import { harmlessLine } from './harmless.js';

export type Cell = string | number;
/** Rows of cells; the first one is the heading. */
export type Cells = readonly (readonly Cell[])[];

/** A cell that is longer is shown whole where there is room, and does not push those below it away. */
const WIDEST = 60;
/** What is left of a cell that is cut, at least. */
const LEAST = 8;
const GAP = '  ';

export interface TableLook {
  /** Of the terminal; undefined where the table goes somewhere else, and is whole. */
  readonly width?: number | undefined;
  /** Colors a cell that is padded already. */
  readonly paint?: ((padded: string, value: Cell, heading: string) => string) | undefined;
}

/** Letters that take two columns of a terminal, about: those of East Asia, and pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
const widthOf = (letter: string): number => (WIDE.test(letter) ? 2 : 1);
/** Letters that take one column each and are one unit of a string: nearly all that there is. */
const PLAIN = /^[\x20-\x7e]*$/;
/** Columns that something takes. */
const lengthOf = (value: Cell): number => {
  const text = String(value);
  return PLAIN.test(text) ? text.length : Array.from(text).reduce((sum, letter) => sum + widthOf(letter), 0);
};

/** A text that takes so many columns at most. */
export const cutTo = (value: string, most: number): string => {
  if (lengthOf(value) <= most) return value;
  let room = most - 1;
  const kept = Array.from(value).findIndex((letter) => (room -= widthOf(letter)) < 0);
  return `${Array.from(value).slice(0, kept).join('')}…`;
};
const cut = (value: Cell, most: number): Cell => (typeof value === 'number' ? value : cutTo(value, most));
const pad = (value: Cell, width: number): string => {
  const space = ' '.repeat(Math.max(0, width - lengthOf(value)));
  return typeof value === 'number' ? space + String(value) : value + space;
};

/** Widths that fit: the widest columns of text give way first, down to what can still be told apart. */
const fitted = (widths: readonly number[], isText: readonly boolean[], width: number): readonly number[] => {
  const result = [...widths];
  let over = result.reduce((sum, one) => sum + one, (result.length - 1) * GAP.length) - width;
  while (over > 0) {
    const widest = result.reduce(
      (best, one, index) => (isText[index] === true && one > LEAST && one > (result[best] ?? 0) ? index : best),
      -1,
    );
    if (widest === -1) break;
    const second = Math.max(
      LEAST,
      ...result.filter((one, index) => isText[index] === true && one < (result[widest] ?? 0)),
    );
    const less = Math.max(1, Math.min(over, (result[widest] ?? 0) - second));
    result[widest] = (result[widest] ?? 0) - less;
    over -= less;
  }
  return result;
};

/**
 * Columns as wide as their widest cell of up to 60 letters; the first row is the heading. Numbers stand on the right. Cells hold text of others: it is
 * shown, not obeyed. On a terminal no line is longer than the terminal is wide.
 */
export const renderTable = (cells: Cells, { width, paint }: TableLook = {}): string => {
  const rows = cells.map((row) => row.map((value) => (typeof value === 'number' ? value : harmlessLine(value))));
  const heading = rows[0] ?? [];
  const natural = heading.map((_, column) =>
    rows.reduce((most, row) => Math.max(most, Math.min(WIDEST, lengthOf(row[column] ?? ''))), 0),
  );
  const isText = heading.map((_, column) => rows.slice(1).every((row) => typeof row[column] !== 'number'));
  const widths = width === undefined ? natural : fitted(natural, isText, width);
  const lineOf = (row: readonly Cell[], isHeading: boolean): string => {
    const shown = row.map((value, column) => (width === undefined ? value : cut(value, widths[column] ?? LEAST)));
    const line = shown
      .map((value, column) => pad(value, widths[column] ?? 0))
      .join(GAP)
      .trimEnd();
    if (width !== undefined && lengthOf(line) > width) return String(cut(line, width));
    if (!paint || isHeading) return line;
    return shown
      .map((value, column) => paint(pad(value, widths[column] ?? 0), row[column] ?? '', String(heading[column] ?? '')))
      .join(GAP)
      .trimEnd();
  };
  return rows.map((row, index) => lineOf(row, index === 0)).join('\n');
};
