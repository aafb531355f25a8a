import type { Cell } from './table.js';

const CODES = [
  [/^(success|succeeded|ready|online|active|complete|completed|whole)$/i, 32],
  [/^(failure|failed|offline|error|damaged|lost)\b/i, 31],
  [/^(cancelled|draining|drained|degraded|waiting|submitted|suspended)\b/i, 33],
] as const;

/** Colors what says how something is: the escapes are ours, and stand around what is harmless already. */
export const paintState = (padded: string, value: Cell, heading: string): string => {
  if (heading !== 'STATE' && heading !== 'STATUS') return padded;
  const code = CODES.find(([words]) => words.test(String(value)))?.[1];
  return code === undefined ? padded : `\u001b[${code}m${padded}\u001b[0m`;
};
