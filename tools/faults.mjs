#!/usr/bin/env node
// The long fault suite: every scenario, several rounds, seed after seed. `npm run test:faults -- --help`.
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    minutes: { type: 'string' },
    seed: { type: 'string' },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`Usage: npm run test:faults [-- --seeds N] [-- --rounds N] [-- --minutes N] [-- --seed FIRST] [-- --only TEXT]
--seeds    how many seeds, one after the other (3)
--rounds   how often each scenario runs under a seed (3)
--minutes  instead of --seeds: no new seed is begun after this time
--seed     the first one; else one of the clock's
--only     scenarios whose name holds this text
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

for (let n = 0; n < seeds && (n === 0 || Date.now() < until); n += 1) {
  const seed = first + n;
  console.log(`== fault suite, seed ${seed}, ${rounds} rounds`);
  const env = {
    ...process.env,
    FORNAX_FAULT_LONG: '1',
    FORNAX_FAULT_SEED: String(seed),
    FORNAX_FAULT_ROUNDS: rounds,
  };
  const code = await new Promise((resolve) =>
    spawn(process.execPath, ['tools/test.mjs', 'faults', ...only], { stdio: 'inherit', env }).once('exit', resolve),
  );
  if (code !== 0) {
    console.error(
      `== seed ${seed} failed: repeat with npm run test:faults -- --seeds 1 --rounds ${rounds} --seed ${seed}`,
    );
    process.exit(1);
  }
}
