import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import type { OutputWish } from './output.js';
import { terminalIo } from './terminal-io.js';
import { yamlOf } from './yaml.js';

const unused = (): never => {
  throw new Error('nobody asks for it');
};
const CONTROLS = /(?!\n)[\p{Cc}\u2028\u2029\p{Bidi_Control}]/u;

/** What commands write to a terminal that is so wide; undefined: to a file. */
const written = (wish: OutputWish, width?: number) => {
  let [stdout, stderr] = ['', ''];
  const terminal = {
    stdout: (text: string) => void (stdout += text),
    stderr: (text: string) => void (stderr += text),
    width,
  };
  const io = terminalIo(
    terminal,
    { wish, yaml: yamlOf },
    { client: unused, signal: new AbortController().signal, setExitCode: unused, env: {}, cwd: '/nowhere' },
  );
  return { io, said: () => ({ stdout, stderr }) };
};

/** Text of somebody who means no good. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(
      fc.constantFrom(
        '\u001b[2J',
        '\n',
        '\r',
        '\u009b31m',
        '\u202e',
        '\u200f',
        '\u2066',
        '\u0007',
        '\u2028',
        '\t',
        'é',
        '漢',
        '👩‍🔬',
        '"',
        ',',
      ),
      {
        maxLength: 30,
      },
    )
    .map((parts) => parts.join('')),
);

describe('what commands write to a terminal', () => {
  it('has no control character of others in it but line breaks of ours', () =>
    fc.assert(
      fc.property(hostile, hostile, fc.constantFrom('table', 'csv', 'json', 'yaml'), (name, tag, output) => {
        const { io, said } = written({ output: output as 'table' }, 80);
        io.table([
          ['NAME', 'TAG'],
          [name, tag],
        ]);
        io.document({ name, [tag]: [tag] });
        io.print(name);
        io.tell(tag);
        io.write(name.replaceAll('\t', ''));
        const { stdout, stderr } = said();
        expect(stdout).not.toMatch(CONTROLS);
        expect(stderr).not.toMatch(CONTROLS);
      }),
    ));

  it('has a row for each row, however a name is written, and none wider than the terminal', () =>
    fc.assert(
      fc.property(
        fc.array(fc.tuple(hostile, fc.nat()), { maxLength: 5 }),
        fc.integer({ min: 20, max: 120 }),
        (rows, width) => {
          for (const output of ['table', 'csv'] as const) {
            const { io, said } = written({ output }, width);
            io.table([['NAME', 'COUNT'], ...rows]);
            const lines = said().stdout.split('\n').slice(0, -1);
            expect(lines.length).toBe(rows.length + 1);
            if (output === 'table')
              for (const line of lines) expect(Array.from(line).length).toBeLessThanOrEqual(width);
          }
        },
      ),
    ));

  it('means in JSON and YAML what it says, escaped or not', () =>
    fc.assert(
      fc.property(hostile, (name) => {
        for (const output of ['json', 'yaml'] as const) {
          const { io, said } = written({ output }, 80);
          io.document({ name: name.toWellFormed(), list: [1, null, true] });
          const { stdout } = said();
          const value: unknown = output === 'json' ? JSON.parse(stdout) : parse(stdout);
          expect(value).toEqual({ name: name.toWellFormed(), list: [1, null, true] });
        }
      }),
    ));
});

it('CSV holds nothing that a program takes for a formula, whoever wrote it; numbers and dashes stay', () => {
  const { io, said } = written({ output: 'csv' });
  io.table([
    ['NAME', 'AMOUNT', 'NOTE'],
    ['=HYPERLINK("http://evil.example")', '-1.50', '-'],
    ['@SUM(A1)', -3, '+1'],
  ]);
  expect(said().stdout).toBe(`name,amount,note\n"'=HYPERLINK(""http://evil.example"")",-1.50,-\n'@SUM(A1),-3,'+1\n`);
});

it('a long cell gives way so that the others stay', () => {
  const { io, said } = written({}, 40);
  io.table([
    ['ID', 'NAME', 'STATE', 'COUNT'],
    ['0198a000', 'x'.repeat(2_000), 'Success', 12],
  ]);
  const [, row = ''] = said().stdout.split('\n');
  expect(row).toMatch(/^0198a000 {2}x+… {2}Success {5}12$/);
  expect(row.length).toBe(40);
});

it('what does not go to a terminal is as it is, and a table whole', () => {
  const { io, said } = written({});
  io.write('\u001b[31mred\n');
  io.table([['NAME'], ['x'.repeat(200)]]);
  expect(said().stdout).toBe(`\u001b[31mred\nNAME\n${'x'.repeat(200)}\n`);
});

it('columns, CSV, JSON and quiet are of the same cells', () => {
  const cells = [
    ['ID', 'MEMORY MB', 'NAME'],
    ['a', 7, 'one, "two"'],
  ];
  const shown = (wish: OutputWish): string => {
    const { io, said } = written(wish);
    io.table(cells);
    io.tell('a note');
    return said().stdout + said().stderr;
  };
  expect(shown({ output: 'csv' })).toBe('id,memoryMb,name\na,7,"one, ""two"""\na note\n');
  expect(shown({ output: 'csv', columns: ['name', 'Memory MB'] })).toBe('name,memoryMb\n"one, ""two""",7\na note\n');
  expect(JSON.parse(shown({ output: 'json', quiet: true }))).toEqual([{ id: 'a', memoryMb: 7, name: 'one, "two"' }]);
  expect(shown({ output: 'yaml', columns: ['memoryMb'], quiet: true })).toBe('- memoryMb: 7\n');
  expect(shown({ quiet: true })).toBe('a\n');
  expect(() => shown({ columns: ['nmae'] })).toThrow('There is no column nmae; there are id, memoryMb, name.');
});

it('a document has fields as columns: some of them, as CSV, as a table, and of a list', () => {
  const task = { uuid: 'u', creationDate: 'then', tags: ['a', 'b'], jobUuid: null, evil: 'x\u001b[2J\ny' };
  const shown = (value: unknown, wish: OutputWish): string => {
    const { io, said } = written(wish, 80);
    io.document(value);
    return said().stdout;
  };
  expect(JSON.parse(shown(task, { columns: ['CreationDate', 'uuid'] }))).toEqual({ creationDate: 'then', uuid: 'u' });
  expect(JSON.parse(shown([task, { uuid: 'v' }], { columns: ['tags'] }))).toEqual([
    { tags: ['a', 'b'] },
    { tags: null },
  ]);
  expect(shown(task, { output: 'yaml', columns: ['uuid'] })).toBe('uuid: u\n');
  expect(shown(task, { output: 'csv', columns: ['uuid', 'tags', 'jobUuid', 'creationDate'] })).toBe(
    'uuid,tags,jobUuid,creationDate\nu,"[""a"",""b""]",,then\n',
  );
  expect(shown(task, { output: 'table' })).toMatch(/^FIELD +VALUE\nuuid +u\n.*\nevil +x\\u001b\[2J\\u000ay\n$/s);
  expect(shown([task, task], { output: 'table', columns: ['uuid'] })).toBe('uuid\nu\nu\n');
  expect(() => shown(task, { columns: ['nmae'] })).toThrow('There is no field nmae; there are uuid, creationDate');
});
