import { type LeaseOrder, MOST_NOTES } from '@fornax/contracts';

import type { LeftOut } from '../files/list-files.js';
import { quoted } from '../files/quoted.js';
import { UserError } from '../failure/user-error.js';
import type { Outcome } from './outcome-of.js';
import { plainText } from './plain-text.js';

/** Of one kind: so that those of all kinds fit into a report. */
const MOST_OF_A_KIND = 8;
const MOST_NAME_CHARS = 120;
const MOST_CHARS = 300;
const MOST_PATHS = 5;
const MOST_PATH_CHARS = 60;
/** Shorter waits are no news to anybody. */
const LONG_PAUSE_MS = 1_000;

/** Says which files are left out and why, in one sentence for each reason. @param verdict what that makes of them */
export const notesOf = (leftOut: readonly LeftOut[], verdict = 'No results'): readonly string[] => {
  const byReason = Map.groupBy(leftOut, ({ why }) => why);
  return [...byReason].slice(0, MOST_OF_A_KIND).map(([why, entries]) => {
    const paths = entries.slice(0, MOST_PATHS).map(({ path }) => quoted(path, MOST_PATH_CHARS));
    const rest = entries.length > MOST_PATHS ? ` and ${entries.length - MOST_PATHS} more` : '';
    return `${verdict}, since they are ${why}: ${paths.join(', ')}${rest}`.slice(0, MOST_CHARS).toWellFormed();
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

/** Says why there are no results, or not all, where something else is what the instance failed by. */
export const noteOfLostResults = (failure: unknown, { outcome, error }: Outcome): readonly string[] => {
  if (failure === undefined || outcome === 'success') return [];
  const why = failure instanceof UserError ? failure.message : plainText(failure);
  return error?.message === why
    ? []
    : [`Not all of its results are stored: ${why}`.slice(0, MOST_CHARS).toWellFormed()];
};

/** Says which resources bring nothing: who mistypes a prefix finds an empty folder and, often enough, a success. */
export const notesOfInputs = (empty: LeaseOrder['resources']): readonly string[] => {
  const all = [...new Set(empty.map(({ bucket, prefix = '' }) => JSON.stringify([bucket, prefix])))].map((text) => {
    const [bucket = '', prefix = ''] = JSON.parse(text) as readonly string[];
    const where = prefix === '' ? 'is empty' : `has no object whose key begins with ${quoted(prefix, MOST_NAME_CHARS)}`;
    return `No inputs: the bucket ${quoted(bucket, MOST_NAME_CHARS)} ${where}`;
  });
  if (all.length <= MOST_OF_A_KIND) return all;
  const told = all.slice(0, MOST_OF_A_KIND - 1);
  return [...told, `No inputs: nothing is found for ${all.length - told.length} more buckets or prefixes`];
};

/** As many as a report may hold: one with more is read by nobody, and its instance would never end. */
export const reportable = (notes: readonly string[]): readonly string[] =>
  notes.length <= MOST_NOTES
    ? notes
    : [...notes.slice(0, MOST_NOTES - 1), `${notes.length - MOST_NOTES + 1} more notes are left out`];
