import type { OutputWish } from '../terminal/output.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';

/** `problem`: something does not work, or what was promised may be lost. `warning`: it works, and somebody should look. */
export type Verdict = 'ok' | 'warning' | 'problem' | 'unknown';

/** What one look has found. */
export interface Finding {
  /** What was looked at: a word or two. */
  readonly check: string;
  readonly verdict: Verdict;
  readonly found: string;
  /** What to do, each a sentence with the command or the setting in it; none where all is well. */
  readonly ways?: readonly string[];
}

const CHECK_WIDTH = 15;
const VERDICT_WIDTH = 7;

/** Shows findings as lines for people, or as whoever asks wants them; any problem makes exit code 1. */
export const showFindings = (io: Io, findings: readonly Finding[], { output, columns, quiet }: OutputWish): void => {
  if (findings.some(({ verdict }) => verdict === 'problem')) io.setExitCode(1);
  if ((output !== undefined && output !== 'table') || columns !== undefined || quiet === true) {
    const rows = findings.map(({ check, verdict, found, ways = [] }) => [check, verdict, found, ways.join(' ')]);
    const documents = findings.map(({ ways = [], ...finding }) => ({ ...finding, ways }));
    return io.table([['CHECK', 'VERDICT', 'FOUND', 'WAYS'], ...rows], documents);
  }
  for (const { check, verdict, found, ways = [] } of findings) {
    io.print(`${verdict.padEnd(VERDICT_WIDTH)}  ${check.padEnd(CHECK_WIDTH)}  ${harmlessLine(found)}`);
    for (const way of ways) io.print(`${' '.repeat(VERDICT_WIDTH + CHECK_WIDTH + 4)}-> ${harmlessLine(way)}`);
  }
  const count = (verdict: Verdict): number => findings.filter((one) => one.verdict === verdict).length;
  const [problems, warnings] = [count('problem'), count('warning')];
  const said = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
  io.print(
    problems + warnings === 0 ? 'Nothing is wrong.' : `${said(problems, 'problem')}, ${said(warnings, 'warning')}.`,
  );
};
