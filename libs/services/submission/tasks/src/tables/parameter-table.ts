import type { InstanceRow } from '@fornax/contracts';
import { isSecretName } from '@fornax/domain';
import { csvRecords, CsvProblem } from './csv.js';

/** Constants that differ from instance to instance: instance n has row n. */
export interface ParameterTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A table, and on which line of the text each row begins. */
export interface ReadTable extends ParameterTable {
  readonly lines: readonly number[];
}

/** As many as a task may have instances. */
const MOST_ROWS = 100_000;
/** As many constants as a task may have. */
const MOST_COLUMNS = 150;
/** As of any constant. */
const MOST_CHARS = 2_048;
const MOST_NAME_CHARS = 255;

/** Variables that an instance has anyway (contract, section 4.3). */
const OWN_NAMES: ReadonlySet<string> = new Set([
  'INSTANCE_ID',
  'INSTANCE_COUNT',
  'FRAME_ID',
  'QRANK',
  'QSIZE',
  'TASK_PATH',
  'TMP_PATH',
  'TMP_RAMFS_PATH',
]);

/** What is wrong with the name of a column; undefined when nothing is. */
const nameProblem = (name: string, before: ReadonlySet<string>): string | undefined => {
  const shown = JSON.stringify(name.slice(0, 80));
  if (name === '') return `column ${before.size + 1} has no name: name it, or delete it`;
  // Spreadsheets separate so where the comma is in numbers.
  if (/[;\t]/.test(name))
    return `the columns are separated by ${name.includes(';') ? 'semicolons' : 'tabs'}: save the table as CSV with commas`;
  if (isSecretName(name))
    return `the column ${shown} would be a secret, and a table is no place for secrets: give it as a constant of the task`;
  if (OWN_NAMES.has(name) || name.startsWith('QARNOT_') || name === '__proto__')
    return `the column ${shown} has a name that the platform uses`;
  if (name.length > MOST_NAME_CHARS || !/^[A-Za-z0-9_.-]+$/.test(name))
    return `the column ${shown} is not named with letters, digits, "_", "." and "-" alone`;
  return before.has(name) ? `the column ${shown} is there twice` : undefined;
};

/** @throws CsvProblem */
const checkedColumns = (line: number, names: readonly string[]): readonly string[] => {
  if (names.length > MOST_COLUMNS) throw new CsvProblem(line, `a table has at most ${MOST_COLUMNS} columns`);
  const seen = new Set<string>();
  for (const name of names) {
    const problem = nameProblem(name, seen);
    if (problem !== undefined) throw new CsvProblem(line, problem);
    seen.add(name);
  }
  return names;
};

/**
 * Reads a table of parameters from CSV: names of columns first, then a row for each instance.
 * @throws CsvProblem with the line
 */
export const readTable = (csv: string): ReadTable => {
  let columns: readonly string[] | undefined;
  const rows: (readonly string[])[] = [];
  const lines: number[] = [];
  for (const { line, fields } of csvRecords(csv)) {
    if (columns === undefined) {
      columns = checkedColumns(line, fields);
      continue;
    }
    if (fields.length !== columns.length)
      throw new CsvProblem(
        line,
        `the row has ${fields.length} ${fields.length === 1 ? 'field' : 'fields'}, and the table ${columns.length} columns`,
      );
    // Spreadsheets leave such rows below a table; an instance without any parameter is nobody's wish.
    if (fields.length > 1 && fields.every((field) => field === ''))
      throw new CsvProblem(line, 'all fields of the row are empty: delete it');
    const long = fields.findIndex((field) => field.length > MOST_CHARS);
    if (long !== -1)
      throw new CsvProblem(line, `the value of ${columns[long]} is longer than ${MOST_CHARS} characters`);
    if (rows.length === MOST_ROWS) throw new CsvProblem(line, `a table has at most ${MOST_ROWS} rows`);
    rows.push(fields);
    lines.push(line);
  }
  if (columns === undefined) throw new CsvProblem(1, 'the table is empty: its first line names the columns');
  if (rows.length === 0) throw new CsvProblem(1, 'the table has no rows: there is nothing below its names of columns');
  return { columns, rows, lines };
};

/** The row of one instance, by column; undefined where the table has none. */
export const rowOf = ({ columns, rows }: ParameterTable, instance: number): InstanceRow | undefined => {
  const row = rows[instance];
  return row && Object.fromEntries(columns.map((name, at) => [name, row[at] ?? '']));
};

/** The longest value of each column: what grows longest with any row is not longer than with these. */
export const longestOf = ({ columns, rows }: ParameterTable): InstanceRow => {
  const longest = columns.map(() => '');
  for (const row of rows)
    row.forEach((value, at) => {
      if (Buffer.byteLength(value) > Buffer.byteLength(longest[at] ?? '')) longest[at] = value;
    });
  return Object.fromEntries(columns.map((name, at) => [name, longest[at] ?? '']));
};
