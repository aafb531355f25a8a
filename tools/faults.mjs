#!/usr/bin/env node
// The long fault suite: every scenario, several rounds, seed after seed. `npm run test:faults -- --help`.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string' },
    'allow-skipped': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`Usage: npm run test:faults [-- --seeds N] [-- --rounds N] [-- --minutes N] [-- --seed FIRST] [-- --only TEXT] [-- --allow-skipped]
--seeds    how many seeds, one after the other (1)
--rounds   how often each scenario runs under a seed (1)
--minutes  instead of --seeds: no new seed is begun after this time
--seed     the first one; else one of the clock's
--only     scenarios whose name this regular expression finds
--allow-skipped  rounds that cannot be run here (only root may mount a disk) do not make the suite fail
A round in which nothing was injected, submitted or run fails, and so does a suite without a round.
The seed chooses moments, parts and lengths of the faults. A failure prints it, with the timeline of all that was done; repeat it with
--seeds 1 --rounds N --seed SEED.`);
  process.exit(0);
}
const numberOf = (name, least) => {
  const value = Number(values[name]);
  if (Number.isFinite(value) && value >= least) return value;
  console.error(`--${name} must be a number, ${least} or more`);
  process.exit(2);
};
const rounds = String(numberOf('rounds', 1));
const seeds = values.minutes === undefined ? numberOf('seeds', 1) : Infinity;
const until = values.minutes === undefined ? Infinity : Date.now() + numberOf('minutes', 0) * 60_000;
const first = values.seed === undefined ? Math.floor(Date.now() / 1000) % 1_000_000 : numberOf('seed', 0);
const only = values.only === undefined ? [] : ['-t', values.only];

// What a seed changes; the other specs of faults run the same way each time, with npm test.
const SPECS = ['scenario.fault-spec', 'kill.fault-spec'];
const figures = join(mkdtempSync(join(tmpdir(), 'fornax-figures-')), 'rounds.jsonl');
const startedAt = Date.now();

/** The specs say so themselves; a table that is clean must not depend on that. */
const isHollow = ({ skipped, faults, tasks, runs }) =>
  skipped === undefined && (faults === 0 || tasks === 0 || runs === 0);

/** The closing table: what the suite did, and what came of it. */
const printFigures = () => {
  const all = (existsSync(figures) ? readFileSync(figures, 'utf8') : '')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  rmSync(dirname(figures), { recursive: true });
  const { length: skipped } = all.filter((round) => round.skipped !== undefined);
  const columns = ['seconds', 'faults', 'tasks', 'instances', 'runs', 'doubleRuns', 'lost', 'unbilled', 'otherFaults'];
  const row = (name, count, own) =>
    `| ${[name, count, ...columns.map((column) => own.reduce((sum, round) => sum + round[column], 0))].join(' | ')} |`;
  console.log(`
| scenario | rounds | seconds | faults | tasks | instances | runs seen | double runs | lost | unbilled | other faults |
|---|---|---|---|---|---|---|---|---|---|---|`);
  for (const scenario of new Set(all.map((round) => round.scenario))) {
    const own = all.filter((round) => round.scenario === scenario);
    const [{ skipped }] = own;
    console.log(row(skipped === undefined ? scenario : `SKIPPED (${skipped}): ${scenario}`, own.length, own));
  }
  console.log(row('all', all.length, all));
  console.log('\nWhat was injected:');
  for (const scenario of new Set(all.map((round) => round.scenario))) {
    const sums = new Map();
    for (const { injected } of all.filter((round) => round.scenario === scenario))
      for (const [kind, count] of Object.entries(injected)) sums.set(kind, (sums.get(kind) ?? 0) + count);
    console.log(`- ${scenario}: ${[...sums].map(([kind, sum]) => `${sum} x ${kind}`).join(', ') || 'NOTHING'}`);
  }
  const minutes = ((Date.now() - startedAt) / 60_000).toFixed(1);
  console.log(
    `\n${new Set(all.map(({ seed }) => seed)).size} seeds from ${first}, ${minutes} minutes, ${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, ${new Date().toISOString()}`,
  );
  if (skipped > 0) console.error(`*** ${skipped} rounds were SKIPPED. ***`);
  return { total: all.length, skipped, hollow: all.filter(isHollow).map((round) => round.scenario) };
};

for (let n = 0; n < seeds && (n === 0 || Date.now() < until); n += 1) {
  const seed = first + n;
  console.log(`== fault suite, seed ${seed}, ${rounds} rounds`);
  const env = {
    ...process.env,
    FORNAX_FAULT_LONG: '1',
    FORNAX_FAULT_SEED: String(seed),
    FORNAX_FAULT_ROUNDS: rounds,
    FORNAX_FAULT_FIGURES: figures,
  };
  const code = await new Promise((resolve) =>
    spawn(process.execPath, ['tools/test.mjs', 'faults', ...SPECS, ...only], { stdio: 'inherit', env }).once(
      'exit',
      resolve,
    ),
  );
  if (code !== 0) {
    printFigures();
    console.error(
      `== seed ${seed} failed: repeat with npm run test:faults -- --seeds 1 --rounds ${rounds} --seed ${seed}`,
    );
    process.exit(1);
  }
}
const { total, skipped, hollow } = printFigures();
const reasons = [
  ...(total === 0 ? ['no round was run: does --only find a scenario?'] : []),
  ...(skipped > 0 && !values['allow-skipped'] ? ['rounds were skipped: run it as root, or with --allow-skipped'] : []),
  ...hollow.map((scenario) => `nothing was injected, submitted or run in: ${scenario}`),
];
for (const reason of reasons) console.error(`*** FAILED: ${reason} ***`);
process.exit(reasons.length === 0 ? 0 : 1);
