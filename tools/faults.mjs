#!/usr/bin/env node
// The long fault suite: several rounds under several seeds. `npm run test:faults [-- --seeds 3 --rounds 4 --seed 17]`.
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    seed: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(
    'Usage: npm run test:faults [-- --seeds N] [--rounds N] [--seed FIRST]\nA failing seed is printed; repeat it with --seeds 1 --seed N.',
  );
  process.exit(0);
}
const first = Number(values.seed ?? Math.floor(Date.now() / 1000) % 1_000_000);
for (let n = 0; n < Number(values.seeds); n += 1) {
  const seed = first + n;
  console.log(`== fault suite, seed ${seed}, ${values.rounds} rounds`);
  const env = { ...process.env, FORNAX_FAULT_SEED: String(seed), FORNAX_FAULT_ROUNDS: values.rounds };
  const code = await new Promise((resolve) =>
    spawn(process.execPath, ['tools/test.mjs', 'faults'], { stdio: 'inherit', env }).once('exit', resolve),
  );
  if (code !== 0) {
    console.error(
      `== seed ${seed} failed: repeat with npm run test:faults -- --seeds 1 --rounds ${values.rounds} --seed ${seed}`,
    );
    process.exit(1);
  }
}
