import type { LeftOut } from '../files/list-files.js';
import { quoted } from '../files/quoted.js';

/** As many as the report of an end holds, and as long as each may be. */
const MOST_NOTES = 8;
const MOST_CHARS = 300;
const MOST_PATHS = 5;
const MOST_PATH_CHARS = 60;
/** Shorter waits are no news to anybody. */
const LONG_PAUSE_MS = 1_000;

/** Says which files are no results and why, in one sentence for each reason. */
export const notesOf = (leftOut: readonly LeftOut[]): readonly string[] => {
  const byReason = Map.groupBy(leftOut, ({ why }) => why);
  return [...byReason].slice(0, MOST_NOTES).map(([why, entries]) => {
    const paths = entries.slice(0, MOST_PATHS).map(({ path }) => quoted(path, MOST_PATH_CHARS));
    const rest = entries.length > MOST_PATHS ? ` and ${entries.length - MOST_PATHS} more` : '';
    return `No results, since they are ${why}: ${paths.join(', ')}${rest}`.slice(0, MOST_CHARS).toWellFormed();
  });
};

/** Says that the command printed more than its share of what is read. Its two outputs may have waited at the same time. */
export const noteOfPauses = (...outputs: readonly ({ readonly pausedMs: number } | undefined)[]): readonly string[] => {
  const pausedMs = Math.max(...outputs.map((output) => output?.pausedMs ?? 0));
  if (pausedMs < LONG_PAUSE_MS) return [];
  const seconds = Math.round(pausedMs / 1_000);
  return [
    `It printed faster than its share of output is read: its writes had to wait for ${seconds} s in all. No output is missing.`,
  ];
};
