#!/usr/bin/env node
// All that a change must pass, here and in CI: format, types, lint, what nobody uses, what stands twice, the documentation, tests.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ensureReady } from './bootstrap.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const node = await ensureReady();

const SOURCES = [
  'libs/**/*.ts',
  'apps/**/*.ts',
  'tests/**/*.ts',
  'tools/*.mjs',
  'infra/*.mjs',
  'docs/*.mjs',
  'docs/.vitepress/**/*.mjs',
  '*.mjs',
];
const steps = [
  ['format', ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level=warn', ...SOURCES]],
  ['types', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']],
  ['lint', ['node_modules/eslint/bin/eslint.js', '.', '--max-warnings=0']],
  ['unused', ['node_modules/knip/bin/knip.js', '--no-progress', '--no-config-hints']],
  ['duplicates', ['tools/duplicates.mjs']],
  ['documentation', ['docs/build.mjs']],
  ['tests', ['tools/test.mjs', ...process.argv.slice(2)]],
];
for (const [name, args] of steps) {
  const started = Date.now();
  console.log(`== ${name}`);
  const options = { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, NX_DAEMON: 'false' } };
  const code = await new Promise((resolve) => spawn(node, args, options).once('exit', resolve));
  if (code !== 0) {
    console.error(`== ${name} failed`);
    process.exit(1);
  }
  console.log(`== ${name} ok (${((Date.now() - started) / 1000).toFixed(0)} s)`);
}
