import { basename } from 'node:path';

/** The words that stand between a program and the command that it runs. */
interface Wrapper {
  /** Options of one letter, which may stand together (`-fw`). */
  readonly flags?: string;
  /** Those that take a value: the rest of their word, or the next one. */
  readonly valued?: string;
  readonly longFlags?: readonly string[];
  readonly longValued?: readonly string[];
  /** Words before the command that are no options. */
  readonly operands?: number;
  /** Other words before the command. */
  readonly others?: RegExp;
}

/** Programs that do nothing but run a command with the environment that they have, by their manuals (coreutils 9, util-linux 2.41, GNU time 1.9, numactl 2.0, BusyBox 1.37). */
const WRAPPERS: ReadonlyMap<string, Wrapper> = new Map<string, Wrapper>([
  [
    'env',
    {
      flags: 'i0v',
      valued: 'uCa',
      longFlags: ['ignore-environment', 'null', 'debug', 'block-signal', 'default-signal', 'ignore-signal'],
      longValued: ['unset', 'chdir', 'argv0'],
      others: /^(?:-|[^-=][^=]*=.*)$/s,
    },
  ],
  ['nice', { valued: 'n', longValued: ['adjustment'], others: /^--?\d+$/ }],
  ['ionice', { flags: 't', valued: 'cn', longFlags: ['ignore'], longValued: ['class', 'classdata'] }],
  [
    'chrt',
    {
      flags: 'abdfiorRv',
      valued: 'TPD',
      longFlags: ['all-tasks', 'batch', 'deadline', 'fifo', 'idle', 'other', 'rr', 'reset-on-fork', 'verbose'],
      longValued: ['sched-runtime', 'sched-period', 'sched-deadline'],
      operands: 1,
    },
  ],
  ['taskset', { flags: 'ac', longFlags: ['all-tasks', 'cpu-list'], operands: 1 }],
  [
    'numactl',
    {
      flags: 'abl',
      valued: 'iwNCmPp',
      longFlags: ['all', 'balancing', 'localalloc'],
      longValued: ['interleave', 'weighted-interleave', 'cpunodebind', 'physcpubind', 'membind', 'preferred'],
    },
  ],
  ['nohup', {}],
  ['setsid', { flags: 'cfw', longFlags: ['ctty', 'fork', 'wait'] }],
  ['stdbuf', { valued: 'ioe', longValued: ['input', 'output', 'error'] }],
  [
    'time',
    {
      flags: 'apqv',
      valued: 'fo',
      longFlags: ['append', 'portability', 'quiet', 'verbose'],
      longValued: ['format', 'output'],
    },
  ],
  [
    'timeout',
    {
      flags: 'fpv',
      valued: 'ks',
      longFlags: ['foreground', 'preserve-status', 'verbose'],
      longValued: ['kill-after', 'signal'],
      operands: 1,
    },
  ],
  ['busybox', {}],
  [
    'xvfb-run',
    {
      flags: 'al',
      valued: 'efnpsw',
      longFlags: ['auto-servernum', 'listen-tcp'],
      longValued: ['error-file', 'auth-file', 'server-num', 'xauth-protocol', 'server-args', 'wait'],
    },
  ],
]);

/** How many words an option takes; undefined: it is not known. */
const lengthOf = (word: string, { flags = '', valued = '', longFlags, longValued }: Wrapper): number | undefined => {
  if (word.startsWith('--')) {
    const [name = '', value] = word.slice(2).split(/=(.*)/s);
    if (longFlags?.includes(name) === true) return 1;
    if (longValued?.includes(name) !== true) return undefined;
    return value === undefined ? 2 : 1;
  }
  const letters = word.slice(1);
  const first = [...letters].findIndex((letter) => !flags.includes(letter));
  if (first < 0) return 1;
  if (!valued.includes(letters[first] ?? '')) return undefined;
  return first === letters.length - 1 ? 2 : 1;
};

/** The place after what a wrapper at `at` takes for itself. `unknown`, with the place where it is: an option is not known. */
const after = (
  words: readonly string[],
  at: number,
  wrapper: Wrapper,
): { readonly place: number; readonly isKnown: boolean } => {
  let place = at + 1;
  for (let operands = wrapper.operands ?? 0; place < words.length;) {
    const word = words[place] ?? '';
    if (wrapper.others?.test(word) === true) place += 1;
    else if (word === '--') {
      place += 1 + operands;
      // Settings of variables may follow.
      while (wrapper.others?.test(words[place] ?? '') === true) place += 1;
      break;
    } else if (word.startsWith('-') && word !== '-') {
      const length = lengthOf(word, wrapper);
      if (length === undefined) return { place, isKnown: false };
      place += length;
    } else if (operands > 0) {
      operands -= 1;
      place += 1;
      // What comes behind the last one is the command, whatever it looks like.
      if (operands === 0) break;
    } else break;
  }
  return { place, isKnown: true };
};

/** The command of some words, behind programs that only run it. `isKnown` is false where an option of one of them is not: the command stands somewhere behind `place`. */
export const commandPlace = (words: readonly string[]): { readonly place: number; readonly isKnown: boolean } => {
  let place = 0;
  for (;;) {
    const wrapper = WRAPPERS.get(basename(words[place] ?? ''));
    if (!wrapper) return { place, isKnown: true };
    const next = after(words, place, wrapper);
    if (!next.isKnown) return next;
    ({ place } = next);
  }
};
