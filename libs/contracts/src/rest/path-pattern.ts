import { z } from 'zod';

const MOST_COPIES = 1_000;
/** Errors of a pattern that more of it could mend. */
const OPEN = /Unterminated|\\ at end|Invalid group|Incomplete|Invalid capture group name/i;

const reasonOf = (pattern: string): string | undefined => {
  try {
    new RegExp(pattern);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^.*: /s, '') : 'malformed';
  }
};

/** Where the group or class begins that nothing closes. */
const lastOpened = (pattern: string): number => {
  const opened: number[] = [];
  let classAt: number | undefined;
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at];
    if (character === '\\') at += 1;
    else if (classAt !== undefined) classAt = character === ']' ? undefined : classAt;
    else if (character === '[') classAt = at;
    else if (character === '(') opened.push(at);
    else if (character === ')') opened.pop();
  }
  return classAt ?? opened.at(-1) ?? pattern.length - 1;
};

/** The first character behind which the pattern cannot be mended by going on. */
const wrongAt = (pattern: string, reason: string): number => {
  if (OPEN.test(reason)) return lastOpened(pattern);
  let at = pattern.length;
  for (; at > 0; at -= 1) {
    const before = reasonOf(pattern.slice(0, at - 1));
    if (before === undefined || OPEN.test(before)) break;
  }
  return at - 1;
};

/** What no engine of linear time can do, and groups of other dialects, by its beginning. */
const TOO_MUCH: readonly (readonly [RegExp, string])[] = [
  [/^\(\?<?[=!]/, 'looking ahead or behind is not offered: select with the whitelist, remove with the blacklist'],
  [/^\\(?:[1-9]|k<)/, 'references to groups are not offered'],
  [
    /^\(\?(?!$|[:=!<]|[ims]*(?:-[ims]*)?:)/,
    'groups of this kind are not offered: flags hold inside of one, (?i:…), and a name is written (?<name>…)',
  ],
];

const tooMuch = (pattern: string): readonly [number, string] | undefined => {
  let isInClass = false;
  for (let at = 0; at < pattern.length; at += 1) {
    const rest = pattern.slice(at, at + 12);
    const found = isInClass ? undefined : TOO_MUCH.find(([begins]) => begins.test(rest));
    if (found) return [at, found[1]];
    const copies = isInClass ? undefined : /^\{(\d+)(?:,(\d*))?\}/.exec(rest);
    if (copies && Math.max(Number(copies[1]), Number(copies[2] ?? 0)) > MOST_COPIES)
      return [at, `no more than ${MOST_COPIES} repetitions are offered`];
    if (pattern[at] === '\\') at += 1;
    else if (pattern[at] === '[') isInClass = true;
    else if (pattern[at] === ']') isInClass = false;
  }
  return undefined;
};

/**
 * Tells what is wrong with a regular expression over paths, with its place, the first character being 1. What an engine needs more than linear time for is
 * refused, as RE2 does. `${CONSTANT}` stands for text that is not known yet.
 */
export const pathPatternProblem = (text: string): string | undefined => {
  const pattern = text.replaceAll(/\$\{[A-Za-z0-9_.-]+\}/g, (reference) => 'x'.repeat(reference.length));
  const reason = reasonOf(pattern);
  const found = reason === undefined || /Invalid group/i.test(reason) ? tooMuch(pattern) : undefined;
  const [at, why] = found ?? (reason === undefined ? [] : [wrongAt(pattern, reason), reason]);
  return at === undefined ? undefined : `The value is not a valid regular expression: ${why}, at character ${at + 1}.`;
};

/** A regular expression over file paths (contract, section 4.6); `${CONSTANT}` inside it is filled in on the node. */
export const pathPattern = z
  .string()
  .max(2_047, 'A filter is shorter than 2048 characters.')
  .superRefine((text, context) => {
    const message = pathPatternProblem(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
