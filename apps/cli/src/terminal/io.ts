import type { FornaxClient } from '@fornax/client';
import type { Readable, Writable } from 'node:stream';
import type { Cells } from './table.js';

/** Standard input and outputs as they are, for what somebody types into a program elsewhere. */
export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?: (isRaw: boolean) => unknown };
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly rows?: number; readonly columns?: number };
  readonly stderr: Writable;
}

/** What commands may touch: so they can be run in a test as they run in a terminal. */
export interface Io {
  /** One line to standard output. */
  readonly print: (line: string) => void;
  /** What programs have printed, and files, to standard output: as it is where that is no terminal. */
  readonly write: (text: string) => void;
  /** Text to standard output as it is, whatever that does to a terminal. */
  readonly writeRaw: (text: string) => void;
  /** Rows, the first one the heading, as a table or as whoever asks wants them. @param documents what JSON shows instead of the cells */
  readonly table: (cells: Cells, documents?: unknown) => void;
  /** The same rows as lines of a table that is as wide as the terminal, harmless. */
  readonly rendered: (cells: Cells) => readonly string[];
  /** A line that is harmless already, as far as the terminal is wide. */
  readonly cut: (line: string) => string;
  /** The terminal that standard output is; undefined: it is none. */
  readonly screen: () => { readonly rows: number } | undefined;
  /** A value, as JSON or YAML. */
  readonly document: (value: unknown) => void;
  /** What programs have printed to standard error, to standard error, likewise. */
  readonly writeError: (text: string) => void;
  /** Asks whoever sits at the terminal; where nobody does, the answer is empty. */
  readonly ask: (question: string) => Promise<string>;
  /** One line to standard error: problems and notes. */
  readonly tell: (line: string) => void;
  /** Whether somebody sees standard error, and so how far something is. */
  readonly isWatched: () => boolean;
  /** Connects when first asked. */
  readonly client: () => FornaxClient;
  /** Variables and folder that the command was called with. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Bytes as they are. */
  readonly streams: () => Streams;
  /** Goes on to the end also when nobody reads standard output any more: for what is begun and is to be told by the exit code. */
  readonly goOnUnread: () => void;
  /** The code that the process will end with. */
  readonly setExitCode: (code: number) => void;
}

const QUIET_MS = 2000;
const TELL_MS = 5000;

const LINE_MS = 1000;

/** Tells how far something is: once it has taken two seconds, and no more than once a second. */
export const teller = (io: Io): ((line: string) => void) => {
  let tellsAt = performance.now() + QUIET_MS;
  return (line) => {
    if (!io.isWatched() || performance.now() < tellsAt) return;
    io.tell(line);
    tellsAt = performance.now() + LINE_MS;
  };
};

/** Tells that work goes on when it takes longer than two seconds. */
export const withProgress = async <T>(io: Io, what: string | (() => string), work: () => Promise<T>): Promise<T> => {
  if (!io.isWatched()) return work();
  const startedAt = performance.now();
  let repeat: NodeJS.Timeout | undefined;
  const tell = (): void =>
    io.tell(`${typeof what === 'string' ? what : what()} (${Math.round((performance.now() - startedAt) / 1000)} s)`);
  const first = setTimeout(() => {
    tell();
    repeat = setInterval(tell, TELL_MS);
  }, QUIET_MS);
  try {
    return await work();
  } finally {
    clearTimeout(first);
    clearInterval(repeat);
  }
};
