import { harmless, harmlessLine, harmlessOutput } from './harmless.js';
import type { Io, Streams } from './io.js';
import { csvOf, picked, recordsOf, type OutputWish } from './output.js';
import { paintState } from './paint.js';
import { documentRows, withFields } from './documents.js';
import { cutTo, renderTable, type Cell, type Cells } from './table.js';

/** Where a command line writes. */
export interface Terminal {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Columns of the terminal that standard output is; undefined: it is none. */
  readonly width?: number | undefined;
  /** Its rows; asked each time, since a terminal changes its size. */
  readonly height?: (() => number) | undefined;
  /** Whether standard error is one. */
  readonly isErrorTerminal?: boolean | undefined;
  readonly hasColors?: boolean | undefined;
  /** Asks a question; undefined: nobody is there to answer. */
  readonly ask?: ((question: string) => Promise<string>) | undefined;
  /** Told by a command that is not to end when its standard output is closed. */
  readonly goOnUnread?: (() => void) | undefined;
  /** For a command that passes on bytes as they are; undefined: there are none. */
  readonly streams?: Streams | undefined;
}

/** What the command that runs asks of its output. */
export interface Shown {
  wish: OutputWish;
  /** Read when somebody wants it. */
  yaml?: (value: unknown) => string;
  /** Whether something was shown that the wish could change. */
  wasAsked?: boolean;
}

type Others = Pick<Io, 'client' | 'signal' | 'setExitCode' | 'env' | 'cwd'>;

/** Of a terminal that does not say how high it is. */
const LEAST_ROWS = 24;

/** The one place through which commands write: nothing that a name, a tag or an output contains reaches a terminal raw. */
export const terminalIo = (
  { stdout, stderr, width, height, hasColors, isErrorTerminal, ask, goOnUnread, streams }: Terminal,
  shown: Shown,
  others: Others,
): Io => {
  const isTerminal = width !== undefined;
  // Harmless already, but for colors of ours.
  const paint = hasColors === true ? paintState : undefined;
  const print = (text: string): void => stdout(`${harmless(text)}\n`);
  const structured = (value: unknown): void =>
    print(shown.wish.output === 'yaml' && shown.yaml ? shown.yaml(value) : JSON.stringify(value, null, 2));
  const asCsv = (cells: Cells, keys?: (heading: Cell) => string): void =>
    stdout(`${csvOf(cells, isTerminal ? harmlessLine : undefined, keys)}\n`);
  const document = (value: unknown): void => {
    shown.wasAsked = true;
    const { output, columns } = shown.wish;
    const fields = output === 'csv' || output === 'table' ? documentRows(value, columns) : undefined;
    if (fields === undefined) return structured(withFields(value, columns));
    const { names, rows } = fields;
    if (output === 'csv') return asCsv([names, ...rows], String);
    const [only] = rows;
    const isOne = !Array.isArray(value) && only !== undefined;
    const cells = isOne ? [['FIELD', 'VALUE'], ...names.map((name, at) => [name, only[at] ?? ''])] : [names, ...rows];
    stdout(`${renderTable(cells, { width, paint })}\n`);
  };
  return {
    print,
    rendered: (cells) => renderTable(cells, { width, paint }).split('\n'),
    cut: (line) => (width === undefined ? line : cutTo(line, width)),
    screen: () => (isTerminal ? { rows: height?.() ?? LEAST_ROWS } : undefined),
    document,
    write: (text) => {
      // A command that writes texts has an --output of its own, or is about a text.
      shown.wasAsked = true;
      stdout(isTerminal ? harmlessOutput(text) : text);
    },
    writeRaw: stdout,
    writeError: (text) => stderr(isErrorTerminal === true ? harmlessOutput(text) : text),
    ask: async (question) => (await ask?.(question)) ?? '',
    tell: (text) => {
      if (shown.wish.quiet !== true) stderr(`${harmless(text)}\n`);
    },
    streams: () => {
      shown.wasAsked = true;
      if (!streams) throw new Error('There is no standard input here.');
      return streams;
    },
    goOnUnread: () => goOnUnread?.(),
    isWatched: () => isErrorTerminal === true && shown.wish.quiet !== true,
    table: (cells, documents) => {
      const { output = 'table', columns, quiet = false } = shown.wish;
      shown.wasAsked = true;
      const rows = picked(cells, columns);
      if (output === 'json' || output === 'yaml')
        return structured(columns === undefined && documents !== undefined ? documents : recordsOf(rows));
      if (quiet) {
        for (const [first = ''] of rows.slice(1)) stdout(`${harmlessLine(String(first))}\n`);
        return;
      }
      if (output === 'csv') return asCsv(rows);
      stdout(`${renderTable(rows, { width, paint })}\n`);
    },
    ...others,
  };
};
