/** What Jest printed of failed tests, kept so that the end of a long run can say it again: of a run of half an hour often only the end is read. */
import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';

const LINES = 16;
const FAILURES = 20;
/** "  ● describe › test" begins one; "  ● Console" and the like are no tests. */
const BEGINS = /^ {2}● (?!Console$)/;
/** Of a file of tests. */
const PATH = /[^\s]+\.[cm]?[jt]sx?(?=\s|$)/;
/** The next file, or the closing lines. */
const ENDS = /^(PASS|FAIL|RUNS|Test Suites:|Summary of all failing tests|\S)/;

/**
 * Gathers the first lines of each failure from chunks of Jest's output.
 * @returns {{ add: (chunk: Buffer | string) => void, told: () => readonly string[], files: () => readonly string[] }} `told`: one text for each
 *   failure, at most 20 of 16 lines, each once; `files`: those that failed
 */
export const failuresSeen = () => {
  const decoder = new StringDecoder();
  let rest = '';
  let file = '';
  let lines;
  const failures = new Map();
  /** The line that told of each first. */
  const files = new Map();
  const take = (line) => {
    if (line.startsWith('FAIL ')) {
      // With its project in front where it is told first, without it in the summary of a long run: it is one file.
      const path = PATH.exec(line)?.[0] ?? line;
      file = files.get(path) ?? line;
      files.set(path, file);
    }
    if (BEGINS.test(line)) {
      const name = `${file}\n${line}`;
      lines = failures.has(name) || failures.size >= FAILURES ? undefined : [file];
      if (lines !== undefined) failures.set(name, lines);
    } else if (ENDS.test(line)) lines = undefined;
    if (line.trim() !== '' && lines !== undefined && lines.length < LINES) lines.push(line);
  };
  return {
    add: (chunk) => {
      const parts = (rest + decoder.write(chunk)).split('\n');
      rest = parts.pop() ?? '';
      for (const line of parts) take(stripVTControlCharacters(line));
    },
    told: () => [...failures.values()].map((kept) => kept.join('\n')),
    files: () => [...files.keys()],
  };
};
