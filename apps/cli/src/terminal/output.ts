import { InvalidArgumentError, Option, type Command } from 'commander';
import { csvCell } from '@fornax/client';
import { UsageError } from './usage-error.js';
import type { Cell, Cells } from './table.js';

export const FORMATS = ['table', 'json', 'yaml', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

/** How whoever asks wants what a command shows. */
export interface OutputWish {
  readonly output?: Format;
  readonly columns?: readonly string[];
  readonly quiet?: boolean;
}

const columnsOf = (text: string): readonly string[] => {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('must be names of columns, with commas between them');
  return names;
};

/** `MEMORY MB` as a program calls it: `memoryMb`. A column without a heading is `note`. */
const keyOf = (heading: Cell): string => {
  const [first = 'note', ...others] = String(heading)
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
  return first + others.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
};

/** The wanted columns in the wanted order, by heading or key, whatever the case. @throws UsageError there is none of a name */
export const picked = (cells: Cells, columns: readonly string[] | undefined): Cells => {
  const [heading = []] = cells;
  if (columns === undefined) return cells;
  const places = columns.map((name) => {
    const at = heading.findIndex((one) => keyOf(one).toLowerCase() === keyOf(name).toLowerCase());
    if (at === -1) throw new UsageError(`There is no column ${name}; there are ${heading.map(keyOf).join(', ')}.`);
    return at;
  });
  return cells.map((row) => places.map((at) => row[at] ?? ''));
};

/** Rows as objects by their headings. */
export const recordsOf = (cells: Cells): readonly Readonly<Record<string, Cell>>[] => {
  const keys = (cells[0] ?? []).map(keyOf);
  return cells.slice(1).map((row) => Object.fromEntries(keys.map((key, column) => [key, row[column] ?? ''])));
};

/** Rows as CSV, headings first, as a program calls them. @param shown what becomes of a text first */
export const csvOf = (
  cells: Cells,
  shown: (text: string) => string = (text) => text,
  headingOf: (heading: Cell) => string = keyOf,
): string =>
  cells
    .map((row, index) => row.map((cell) => csvCell(shown(index === 0 ? headingOf(cell) : String(cell)))).join(','))
    .join('\n');

/** The option itself, for a command that has formats of its own. @param own of that command */
export const outputOption = (own: readonly string[] = []): Option =>
  new Option('--output <format>', 'how it is shown').choices([...FORMATS, ...own]);

/** Gives each command the options that say how it shows what it shows; those that it has of its own stay. */
export const withOutput = (command: Command): void => {
  command.commands.forEach(withOutput);
  const has = (flag: string): boolean => command.options.some(({ long }) => long === flag);
  if (command.commands.length > 0) return;
  command.optionsGroup('Output:');
  if (!has('--output')) command.addOption(outputOption());
  if (!has('--columns')) command.option('--columns <names>', 'only these columns, in this order', columnsOf);
  if (!has('--quiet')) command.option('--quiet', 'no heading, the first column alone, and no progress or notes');
};
