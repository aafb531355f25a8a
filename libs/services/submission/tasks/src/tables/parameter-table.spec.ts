import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { CsvProblem } from './csv.js';
import { longestOf, readTable, rowOf } from './parameter-table.js';
import { objectOf, tableIn } from './table-object.js';

const problemOf = (csv: string): string => {
  try {
    readTable(csv);
  } catch (error) {
    if (error instanceof CsvProblem) return `${error.line}: ${error.message}`;
    throw error;
  }
  return 'none';
};

/** As a careful writer does it. */
const csvOf = (records: readonly (readonly string[])[], end: string): string =>
  records.map((fields) => fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(',') + end).join('');

describe('a table of parameters', () => {
  it.each([
    [
      'with LF',
      'A,B\n1,2\n3,4\n',
      [
        ['1', '2'],
        ['3', '4'],
      ],
    ],
    [
      'with CR LF and no end',
      'A,B\r\n1,2\r\n3,4',
      [
        ['1', '2'],
        ['3', '4'],
      ],
    ],
    ['with CR', 'A,B\r1,2\r', [['1', '2']]],
    ['with a byte order mark', '\ufeffA,B\n1,2\n', [['1', '2']]],
    [
      'with empty lines',
      '\nA,B\n\n1,2\n\n\n3,4\n\n',
      [
        ['1', '2'],
        ['3', '4'],
      ],
    ],
    [
      'with empty values',
      'A,B\n"",x\n1,',
      [
        ['', 'x'],
        ['1', ''],
      ],
    ],
    [
      'with commas, quotation marks and line breaks in a value',
      'A,B\n"a,b","say ""hi""\r\nthere"\n',
      [['a,b', 'say "hi"\r\nthere']],
    ],
    ['with spaces, which count', 'A,B\n 1 , 2\n', [[' 1 ', ' 2']]],
    ['of one column', 'A\n1\n""\n2', [['1'], [''], ['2']]],
  ])('is read %s', (_how, csv, rows) => {
    const table = readTable(csv);
    expect(table.rows).toEqual(rows);
    expect(table.columns[0]).toBe('A');
  });

  it.each([
    ['', '1: the table is empty: its first line names the columns'],
    ['\n\n', '1: the table is empty: its first line names the columns'],
    ['A,B\n', '1: the table has no rows: there is nothing below its names of columns'],
    ['A,B\n1,2\n3\n', '3: the row has 1 field, and the table 2 columns'],
    ['A,B\n1,2\n3,4,5', '3: the row has 3 fields, and the table 2 columns'],
    // A line break inside of a value counts as one, whichever it is.
    ['A,B\r\n"x\r\ny",2\r\n3\r\n', '4: the row has 1 field, and the table 2 columns'],
    ['A\n1\n"x\ny\n', '3: a quotation mark is never closed'],
    ['A\nx"y"\n', '2: a quotation mark stands inside of a field that does not begin with one'],
    ['A\n"x"y\n', '2: text follows a closing quotation mark'],
    ['A,A\n1,2', '1: the column "A" is there twice'],
    ['A,\n1,2', '1: column 2 has no name: name it, or delete it'],
    ['A, B\n1,2', '1: the column " B" is not named with letters, digits, "_", "." and "-" alone'],
    ['\ufeffA;B\r\n1;2\r\n', '1: the columns are separated by semicolons: save the table as CSV with commas'],
    ['A\tB\n1\t2', '1: the columns are separated by tabs: save the table as CSV with commas'],
    ['A,B\n1,2\n,\n', '3: all fields of the row are empty: delete it'],
    ['INSTANCE_ID\n1', '1: the column "INSTANCE_ID" has a name that the platform uses'],
    ['QARNOT_X\n1', '1: the column "QARNOT_X" has a name that the platform uses'],
    ['__proto__\n1', '1: the column "__proto__" has a name that the platform uses'],
    [
      'QARNOT_SECRET_X\n1',
      '1: the column "QARNOT_SECRET_X" would be a secret, and a table is no place for secrets: give it as a constant of the task',
    ],
    [`A\n${'x'.repeat(2_049)}`, '2: the value of A is longer than 2048 characters'],
    [Array.from({ length: 151 }, (_, at) => `C${at}`).join(), '1: a table has at most 150 columns'],
  ])('%j is refused with its line: %s', (csv, problem) => expect(problemOf(csv)).toBe(problem));

  it('has a row for each of a hundred thousand instances, and no more', () => {
    const csv = `A\n${'1\n'.repeat(100_000)}`;
    expect(readTable(csv).rows).toHaveLength(100_000);
    expect(problemOf(`${csv}2\n`)).toBe('100002: a table has at most 100000 rows');
  });

  it('is what was written, whatever the values hold', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc
            .tuple(fc.string({ unit: 'binary', maxLength: 20 }), fc.string({ maxLength: 20 }))
            .filter((row) => row.join('') !== ''),
          { minLength: 1, maxLength: 6 },
        ),
        fc.constantFrom('\n', '\r\n'),
        (rows, end) => expect(readTable(csvOf([['A', 'B'], ...rows], end)).rows).toEqual(rows),
      ),
      { seed: 11, numRuns: 60 },
    ));

  it('gives an instance its row, and is the same after it was stored', () => {
    const table = readTable('A,constructor\n1,one\n22,two');
    expect(rowOf(table, 1)).toEqual({ A: '22', constructor: 'two' });
    expect(rowOf(table, 2)).toBeUndefined();
    expect(longestOf(table)).toEqual({ A: '22', constructor: 'one' });
    const { bytes, about } = objectOf(table);
    expect(about).toMatchObject({ columns: ['A', 'constructor'], rows: 2 });
    expect(tableIn(bytes, about.digest)).toEqual({ format: 1, columns: table.columns, rows: table.rows });
    expect(tableIn(Buffer.concat([bytes, Buffer.from(' ')]), about.digest)).toBeUndefined();
  });
});
