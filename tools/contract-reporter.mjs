// Jest reporter: the table of the contract's rows, from the names of the tests that ran.
import { readFileSync } from 'node:fs';

const rows = JSON.parse(readFileSync(new URL('../tests/contract/rows.json', import.meta.url), 'utf8'));

/** `[row 33 python]` or `[rows 20,23 csharp cli]` anywhere in a test's name. */
const MARK = /\[rows? ([\d,]+)((?: [a-z]+)*)\]/g;

const LEGEND =
  'python is the official SDK itself; node, csharp, cli, go and rust are requests as those clients send them, and answers read as strictly as they do.';

const marksOf = (name) =>
  [...name.matchAll(MARK)].map(([, numbers, clients]) => ({
    rows: numbers.split(',').map(Number),
    clients: clients.split(' ').filter(Boolean),
  }));

/** @param tests what Jest says of each test */
const tally = (tests) => {
  const byRow = new Map(rows.map(({ row }) => [row, { passed: new Set(), failed: new Set(), tests: 0 }]));
  const unknown = [];
  for (const { fullName, status } of tests) {
    for (const mark of marksOf(fullName)) {
      for (const row of mark.rows) {
        const entry = byRow.get(row);
        if (!entry) unknown.push(`${row}: ${fullName}`);
        if (!entry || (status !== 'passed' && status !== 'failed')) continue;
        entry.tests += 1;
        for (const client of mark.clients.length > 0 ? mark.clients : ['any']) entry[status].add(client);
      }
    }
  }
  return { byRow, unknown };
};

/** A row holds when all its tests pass and every client that the contract names for it is among them. */
const verdict = ({ clients }, { passed, failed, tests }) => {
  if (tests === 0) return { result: 'NO TEST', holds: false };
  if (failed.size > 0) return { result: `FAIL (${[...failed].join(', ')})`, holds: false };
  const missing = clients.filter((client) => !passed.has(client));
  if (missing.length > 0) return { result: `NOT BY ${missing.join(', ')}`, holds: false };
  return { result: 'pass', holds: true };
};

const pad = (text, width) => String(text).padEnd(width);

export default class ContractReporter {
  #failures = 0;
  #globalConfig;

  constructor(globalConfig) {
    this.#globalConfig = globalConfig;
  }

  onRunComplete(_, { testResults }) {
    const { byRow, unknown } = tally(testResults.flatMap(({ testResults: tests }) => tests));
    const lines = rows.map((row) => {
      const entry = byRow.get(row.row);
      const { result, holds } = verdict(row, entry);
      if (!holds) this.#failures += 1;
      return `${pad(row.row, 4)} ${pad(row.what, 68)} ${pad([...entry.passed].sort().join(' '), 27)} ${result}`;
    });
    const width = 4 + 1 + 68 + 1 + 27 + 1 + 8;
    console.log(
      `\n${pad('row', 4)} ${pad('what', 68)} ${pad('passed by', 27)} result\n${'-'.repeat(width)}\n${lines.join('\n')}`,
    );
    for (const line of unknown) console.log(`a test names a row that is not in tests/contract/rows.json: ${line}`);
    this.#failures += unknown.length;
    console.log(`\n${rows.length - this.#failures} of ${rows.length} rows hold\n${LEGEND}\n`);
  }

  /** Part of a run (a pattern of files or names) tells nothing about the rows that it leaves out. */
  get #isPartial() {
    const { testPathPatterns, testNamePattern } = this.#globalConfig;
    return (testPathPatterns?.patterns?.length ?? 0) > 0 || Boolean(testNamePattern);
  }

  getLastError() {
    if (this.#failures === 0 || this.#isPartial) return undefined;
    return new Error(`${this.#failures} rows of the contract do not hold`);
  }
}
