import { basename } from 'node:path';

import { substitute } from '@fornax/contracts';

import { commandPlace } from './wrappers.js';

const SHELLS = new Set(['sh', 'bash', 'dash', 'ash', 'ksh', 'zsh']);
/** Options of one letter, the last of which may be one that takes the next word (`-o pipefail`, `-O extglob`). */
const LETTERS = /^[-+][abefhiklmnprstuvxBCDEHPTc]*[oO]?$/;
const TAKES_WORD = /[oO]$/;
/** Options with a name, and how many words they take. */
const NAMED: ReadonlyMap<string, number> = new Map([
  ...['--norc', '--noprofile', '--login', '--posix', '--noediting', '--restricted', '--verbose'].map(
    (name) => [name, 0] as const,
  ),
  ...['--rcfile', '--init-file'].map((name) => [name, 1] as const),
]);
/** Where a shell finds its script, and those of its arguments that are not to be among its words. */
const SCRIPT_VARIABLE = 'FORNAX_SCRIPT';
const ARGUMENT_VARIABLE = 'FORNAX_ARGUMENT_';

interface Shell {
  readonly place: number;
  /** What stands before it is understood: it is the command, and no word of another one. */
  readonly isCertain: boolean;
}

/** The shell that a command calls, behind programs that only run it; undefined where it calls none. */
const shellIn = (words: readonly string[]): Shell | undefined => {
  // `SHELL=/bin/bash` is a variable that is set.
  const isShell = (word: string): boolean => !word.includes('=') && SHELLS.has(basename(word));
  const { place, isKnown } = commandPlace(words);
  if (isKnown) return isShell(words[place] ?? '') ? { place, isCertain: true } : undefined;
  const maybe = words.findIndex((word, at) => at > place && isShell(word));
  return maybe < 0 ? undefined : { place: maybe, isCertain: false };
};

/**
 * The place of the script among the words of a command (`sh -c <script>`). `none`: it calls no shell, or that with no script among its words.
 * `unknown`: it calls a shell with words that are not known here, or may call one behind such words.
 */
export const placeOfScript = (words: readonly string[]): number | 'none' | 'unknown' => {
  const shell = shellIn(words);
  if (shell === undefined) return 'none';
  if (!shell.isCertain) return 'unknown';
  let takesScript = false;
  for (let at = shell.place + 1; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const isEnd = word === '-' || word === '--';
    if (isEnd || !/^[-+]./.test(word)) {
      const place = isEnd ? at + 1 : at;
      return takesScript && place < words.length ? place : 'none';
    }
    const named = NAMED.get(word);
    if (named === undefined && !LETTERS.test(word)) return 'unknown';
    takesScript ||= named === undefined && word.startsWith('-') && word.includes('c');
    at += named ?? (TAKES_WORD.test(word) ? 1 : 0);
  }
  return 'none';
};

type Words = readonly [string, ...string[]];
/** A command, and what its environment needs besides for it. */
export interface Command {
  readonly argv: Words;
  readonly env: Readonly<Record<string, string>>;
}

const asWords = (words: readonly string[]): Words => [words[0] ?? '', ...words.slice(1)];

/** Runs the very same script, which the environment has, with the very same arguments. */
const withHiddenScript = (words: Words, place: number, isSecret: (word: string) => boolean): Command => {
  const first = place + 2;
  const hidden = words.flatMap((word, at) => (at >= first && isSecret(word) ? [at] : []));
  const variable = (at: number): string => `${ARGUMENT_VARIABLE}${at - first + 1}`;
  // Not set means that something on the way took the environment away: nothing must be run then, and be called a success.
  const argument = (at: number): string => (hidden.includes(at) ? `"\${${variable(at)}?}"` : `"\${${at - first + 1}}"`);
  const all = words.map((_, at) => at).slice(first);
  const set = hidden.length === 0 ? '' : `set -- ${all.map(argument).join(' ')}; `;
  return {
    argv: asWords(
      words.map((word, at) =>
        at === place ? `${set}eval "\${${SCRIPT_VARIABLE}?}"` : hidden.includes(at) ? '' : word,
      ),
    ),
    env: {
      [SCRIPT_VARIABLE]: words[place] ?? '',
      ...Object.fromEntries(hidden.map((at) => [variable(at), words[at] ?? ''])),
    },
  };
};

/**
 * Puts the values of constants into the words of a command. A secret that comes into the script of a shell, or its arguments, is none of the words that whoever
 * lists processes may see, but in the environment, which only its own user may read. Where the shell's words are not understood, references to secrets are
 * left to it. A program that is no shell gets what it was given.
 */
export const commandIn = (words: Words, values: ReadonlyMap<string, string>, secrets: readonly string[]): Command => {
  const argv = asWords(words.map((word) => substitute(word, values)));
  const isSecret = (text: string): boolean => secrets.some((secret) => secret !== '' && text.includes(secret));
  const place = argv.some(isSecret) ? placeOfScript(argv) : 'none';
  if (place === 'none') return { argv, env: {} };
  const open = new Map([...values].filter(([, value]) => !isSecret(value)));
  const left = (at: number): string => substitute(words[at] ?? '', open);
  if (typeof place === 'number') {
    // Its own name is the one argument that a shell cannot be given from inside.
    const name = place + 1;
    const shown = isSecret(argv[name] ?? '') ? asWords(argv.with(name, left(name))) : argv;
    return withHiddenScript(shown, place, isSecret);
  }
  const shell = shellIn(argv)?.place ?? 0;
  return {
    argv: asWords(argv.map((word, at) => (at > shell && isSecret(word) ? left(at) : word))),
    // Also of constants that are not exported.
    env: Object.fromEntries(
      [...values].filter(([name]) => !open.has(name) && words.some((word) => word.includes(`\${${name}}`))),
    ),
  };
};
