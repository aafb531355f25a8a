#!/usr/bin/env node
// All that a change must pass, here and in CI: format, types, lint, what nobody uses, what stands twice, the documentation, tests.
import { fileURLToPath } from 'node:url';
import { ensureReady } from './bootstrap.mjs';
import { runProgram, sideBySide } from './side-by-side.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const node = await ensureReady();

const SOURCES = [
  'libs/**/*.ts',
  'apps/**/*.{ts,tsx}',
  'apps/*/*.mjs',
  'tests/**/*.ts',
  'tools/*.mjs',
  'infra/*.mjs',
  'docs/*.mjs',
  'docs/.vitepress/**/*.mjs',
  '*.mjs',
];
// The longest first: each keeps one core busy, and what is short fills the end.
const steps = [
  ['lint', ['node_modules/eslint/bin/eslint.js', '.', '--max-warnings=0']],
  ['types', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']],
  ['types of the dashboard', ['node_modules/typescript/bin/tsc', '-p', 'apps/dashboard/tsconfig.json']],
  ['format', ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level=warn', ...SOURCES]],
  ['documentation', ['docs/build.mjs']],
  ['duplicates', ['tools/duplicates.mjs']],
  ['unused', ['node_modules/knip/bin/knip.js', '--no-progress', '--no-config-hints']],
];
const tests = ['tests', ['tools/test.mjs', ...process.argv.slice(2)]];

const jobOf = ([name, args]) => ({
  name,
  weight: 1,
  run: async (print) => {
    const started = Date.now();
    print(`== ${name}\n`);
    const code = await runProgram(node, args, { cwd: root, env: { ...process.env, NX_DAEMON: 'false' }, print });
    print(
      code === 0 ? `== ${name} ok (${((Date.now() - started) / 1000).toFixed(0)} s)\n` : `== ${name} failed\n`,
      code === 0 ? 'stdout' : 'stderr',
    );
    return code;
  },
});
const isFailed = (code) => code !== 0;
for (const jobs of [steps, [tests]]) {
  // The tests say themselves what is running.
  const quietMs = jobs === steps ? undefined : 2 ** 31 - 1;
  const codes = await sideBySide(jobs.map(jobOf), { stopsAt: isFailed, quietMs });
  if (codes.some(isFailed)) process.exit(1);
}
