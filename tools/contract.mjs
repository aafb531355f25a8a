#!/usr/bin/env node
// The contract with the clients, row by row: `npm run contract [-- --fuzz-long] [-- jest options]`.
import { spawn } from 'node:child_process';

const words = process.argv.slice(2);
if (words.includes('--help')) {
  console.log(`Usage: npm run contract [-- --fuzz-long] [-- jest options]
Starts a platform, runs every row of the contract's checklist as the clients would, and prints which rows hold;
then sends what a fuzzer makes of the OpenAPI document.
--fuzz-long lets the fuzzer work for ten minutes instead of one.`);
  process.exit(0);
}
const env = { ...process.env, ...(words.includes('--fuzz-long') ? { FORNAX_FUZZ_SECONDS: '600' } : {}) };
const rest = words.filter((word) => word !== '--fuzz-long' && word !== '--');
// A pattern picks some of the rows: then the fuzzer is not meant.
const suites = rest.length > 0 && !words.includes('--fuzz-long') ? ['contract'] : ['contract', 'fuzz'];
const child = spawn(process.execPath, ['tools/test.mjs', ...suites, ...rest], {
  cwd: new URL('..', import.meta.url).pathname,
  stdio: 'inherit',
  env,
});
child.once('exit', (code) => process.exit(code ?? 1));
