import { createContext, type Context, Script } from 'node:vm';

/** As much of the latest output as is looked at, and of one line of it. */
const WINDOW_BYTES = 65_536;
const MAX_LINE_CHARS = 1_000;
const MAX_LINES = 200;
/**
 * A pattern may backtrack without end, and this process has other instances: matching is stopped. What is stopped this often in a row is not
 * tried again for that instance; once may be a machine that is busy.
 */
const MAX_MATCH_MS = 50;
const MAX_STOPS = 3;

/** The newest line in which a pattern is found, the last match in it: its groups, or all of it. Strings in, strings out: nothing else crosses. */
const search = new Script(`(() => {
  const expressions = JSON.parse(patterns).map((pattern) => new RegExp(pattern, 'g'));
  for (const line of JSON.parse(lines)) {
    for (const expression of expressions) {
      let found;
      for (const match of line.matchAll(expression)) found = match;
      if (found) return JSON.stringify([found[1] ?? found[0], found[2] ?? null]);
    }
  }
  return '';
})()`);

let context: Context | undefined;

const numberOf = (text: unknown): number | undefined => {
  if (typeof text !== 'string') return undefined;
  const number = /[\d.,]+/.exec(text)?.[0].replace(',', '.');
  return number === undefined || Number.isNaN(Number(number)) ? undefined : Number(number);
};

/**
 * What a match means: one number is a percentage, two are what is done and of how much. Anything else means nothing.
 * @returns percent from 0 to 100
 */
export const progressOfMatch = (match: readonly unknown[]): number | undefined => {
  const [done, of] = [numberOf(match[0]), numberOf(match[1])];
  const percent = done !== undefined && of !== undefined && of > 0 ? (100 * done) / of : done;
  return percent === undefined ? undefined : Math.min(100, Math.max(0, percent));
};

/** @returns progress in percent; undefined when no pattern is found @throws Error a pattern is malformed, or takes too long */
export const findProgress = (
  patterns: readonly string[],
  text: string,
  maxMatchMs = MAX_MATCH_MS,
): number | undefined => {
  const lines = text
    .split(/[\r\n]+/)
    .slice(-MAX_LINES)
    .reverse()
    .map((line) => line.slice(-MAX_LINE_CHARS));
  context ??= createContext(Object.create(null), { codeGeneration: { strings: false, wasm: false } });
  context['patterns'] = JSON.stringify(patterns);
  context['lines'] = JSON.stringify(lines);
  const found: unknown = search.runInContext(context, { timeout: maxMatchMs });
  if (typeof found !== 'string' || found === '') return undefined;
  const match: unknown = JSON.parse(found);
  return Array.isArray(match) ? progressOfMatch(match) : undefined;
};

const isTimeout = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';

/** Reads the progress of one instance out of its standard output, when it is asked, whatever the amount of output between two questions. */
export class ProgressReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #isFresh = false;
  #progress = 0;
  #hasGivenUp = false;
  #stops = 0;

  constructor(
    private readonly patterns: readonly string[],
    private readonly onGivenUp: (error: unknown) => void,
    private readonly maxMatchMs = MAX_MATCH_MS,
  ) {}

  take(chunk: Buffer): void {
    if (this.patterns.length === 0 || this.#hasGivenUp) return;
    const piece = chunk.subarray(-WINDOW_BYTES);
    this.#chunks.push(piece);
    this.#bytes += piece.length;
    this.#isFresh = true;
    for (let first = this.#chunks[0]; first && this.#bytes - first.length >= WINDOW_BYTES; first = this.#chunks[0]) {
      this.#chunks.shift();
      this.#bytes -= first.length;
    }
  }

  /** Percent, as the newest output that tells it says. */
  read(): number {
    if (!this.#isFresh) return this.#progress;
    this.#isFresh = false;
    const window = Buffer.concat(this.#chunks).subarray(-WINDOW_BYTES);
    this.#chunks = [window];
    this.#bytes = window.length;
    try {
      this.#progress = findProgress(this.patterns, window.toString('utf8'), this.maxMatchMs) ?? this.#progress;
      this.#stops = 0;
    } catch (error) {
      this.#stops += 1;
      if (isTimeout(error) && this.#stops < MAX_STOPS) {
        this.#isFresh = true;
        return this.#progress;
      }
      this.#hasGivenUp = true;
      this.#chunks = [];
      // Not the error itself: it shows the pattern, and a secret may have been filled in there.
      this.onGivenUp(new Error('the progress is read no more: its patterns are malformed or take too long'));
    }
    return this.#progress;
  }
}
