import { basename } from 'node:path';

const SHELLS = ['sh', 'bash', 'dash', 'ash', 'ksh', 'zsh'];

/** Holds the script of a shell that is not to be among its arguments. */
const SCRIPT_VARIABLE = 'FORNAX_SCRIPT';

/** The place of the script among the words of a shell's command (`sh -c <script>`); undefined where it is none. */
export const placeOfScript = ([program = '', ...words]: readonly string[]): number | undefined => {
  if (!SHELLS.includes(basename(program))) return undefined;
  let takesScript = false;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const isOption = /^[-+]./.test(word);
    if (!isOption || word === '--') {
      const place = isOption ? at + 1 : at;
      return takesScript && place < words.length ? place + 1 : undefined;
    }
    if (word.startsWith('--')) continue;
    takesScript ||= word.startsWith('-') && word.includes('c');
    // `-o pipefail`: the next word is the option's.
    if (word.endsWith('o')) at += 1;
  }
  return undefined;
};

/**
 * Moves a shell's script out of its arguments, which whoever lists processes may see, into its environment, which only its own user may. The shell runs the
 * very same text.
 */
export const hideScript = (
  argv: readonly [string, ...string[]],
): { readonly argv: [string, ...string[]]; readonly env: Readonly<Record<string, string>> } => {
  const [program, ...rest] = argv;
  const place = placeOfScript(argv);
  const script = place === undefined ? undefined : argv[place];
  if (place === undefined || script === undefined) return { argv: [program, ...rest], env: {} };
  return { argv: [program, ...rest.with(place - 1, `eval "$${SCRIPT_VARIABLE}"`)], env: { [SCRIPT_VARIABLE]: script } };
};
