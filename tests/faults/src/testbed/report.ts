import { appendFile } from 'node:fs/promises';
import type { Figures } from '../history/figures.js';

const wordsOf = (figures: Figures): string => {
  if (figures.skipped !== undefined) return `SKIPPED: ${figures.skipped}`;
  const { seconds, faults, tasks, instances, runs, doubleRuns, lost, unbilled, otherFaults } = figures;
  const wrong = doubleRuns + lost + unbilled + otherFaults;
  return `${seconds} s, ${faults} faults, ${tasks} tasks, ${instances} instances, ${runs} runs seen; ${wrong === 0 ? 'clean' : `${wrong} WRONG`}`;
};

const figuresFile = process.env['FORNAX_FAULT_FIGURES'];

/** Shows the first line of a text while the long suite runs. */
export const progress = (text: string): void => {
  if (figuresFile !== undefined) process.stderr.write(`${text.split('\n', 1)[0] ?? ''}\n`);
};

/** Says what a round came to: a line on the screen at once, and one for the closing table of tools/faults.mjs. */
export const report = async (figures: Figures): Promise<void> => {
  if (figuresFile === undefined) return;
  const at = new Date().toISOString().slice(11, 19);
  progress(`[${at}] ${figures.scenario}, round ${figures.round}: ${wordsOf(figures)}`);
  await appendFile(figuresFile, `${JSON.stringify(figures)}\n`);
};
