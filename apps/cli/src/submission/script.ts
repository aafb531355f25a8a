import { UsageError } from '../session/connection.js';

/** A line of a script that says how it is to be submitted. */
export interface Directive {
  readonly line: number;
  readonly words: readonly string[];
}

/** Words as a shell takes a line without expansions: quotes hold them together. @throws UsageError a quote is left open */
const wordsOf = (text: string, where: string): readonly string[] => {
  const words: string[] = [];
  const pattern = /\s*(?:#.*$|((?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\])+))/gy;
  while (pattern.lastIndex < text.trimEnd().length) {
    const [whole, word] = pattern.exec(text) ?? [];
    if (whole === undefined) throw new UsageError(`${where}: a quotation mark is not closed`);
    if (word === undefined) break;
    words.push(
      word.replace(
        /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g,
        (_, single?: string, double?: string, escaped?: string) =>
          single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? '',
      ),
    );
  }
  return words;
};

/**
 * The lines `#FORNAX …` at the head of a script, before its first command.
 * @param name of the file, for messages
 * @throws UsageError a line cannot be read
 */
export const directivesIn = (script: string, name: string): readonly Directive[] => {
  const lines = script.split(/\r?\n/);
  const end = lines.findIndex((line) => !/^\s*(#|$)/.test(line));
  return lines.slice(0, end === -1 ? lines.length : end).flatMap((text, index) => {
    const [, options] = /^#FORNAX\s+(.*)$/.exec(text) ?? [];
    return options === undefined ? [] : [{ line: index + 1, words: wordsOf(options, `${name}:${index + 1}`) }];
  });
};

/** As one word of a shell. */
export const quotedWord = (word: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** What only a shell would do with a command: pipes, files, variables, lists of commands; what is in quotes is left out. */
export const shellSyntaxIn = (command: string): string | undefined => {
  const bare = command.replace(/'[^']*'|"(?:[^"\\]|\\.)*"|\\./g, '');
  return /&&|\|\||>>|<<|[|<>;&`]|\$\(|\$[A-Za-z_]\w*/.exec(bare)?.[0];
};
