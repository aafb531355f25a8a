#!/usr/bin/env node
// Builds the first process of instances from src/ for each machine that is shipped, or checks that what is shipped was built from it.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HELP = `Usage: node libs/drivers/native/build.mjs [--check]
Compiles src/ with a pinned compiler (ziglang of PyPI, some 100 MB, in a folder of its own that is removed) into bin/.
--check  changes nothing; fails when the files in bin/ are not, byte by byte, what src/ compiles to`;
const COMPILER = 'ziglang==0.17.1';
const MACHINES = [
  { name: 'linux-x64', target: 'x86_64-linux-musl' },
  { name: 'linux-arm64', target: 'aarch64-linux-musl' },
];
const FLAGS = [
  '-static',
  '-Os',
  '-s',
  '-std=c11',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-fstack-protector-strong',
  '-D_GNU_SOURCE',
];

const sha256 = (paths) => {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(readFileSync(join(here, path)));
  return hash.digest('hex');
};
/** What a test compares with the tree, so that nobody changes src/ and forgets bin/. */
const record = () => ({
  compiler: COMPILER,
  sources: sha256(globSync('src/*', { cwd: here }).sort()),
  ...Object.fromEntries(MACHINES.map(({ name }) => [name, sha256([join('bin', name, 'fornax-init')])])),
});

const [option, ...more] = process.argv.slice(2);
if (option === '--help' || option === '-h') {
  console.log(HELP);
  process.exit(0);
}
if (more.length > 0 || (option !== undefined && option !== '--check')) {
  console.error(HELP);
  process.exit(2);
}
const isCheck = option === '--check';
const here = dirname(fileURLToPath(import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'fornax-native-'));
const run = (program, args) => execFileSync(program, args, { cwd: here, stdio: ['ignore', 'inherit', 'inherit'] });
try {
  console.log(`installing ${COMPILER} ...`);
  const venv = join(scratch, 'venv');
  run('python3', ['-m', 'venv', venv]);
  const python = join(venv, 'bin', 'python');
  run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', COMPILER]);
  const sources = globSync('src/*.c', { cwd: here }).sort();
  const other = [];
  for (const { name, target } of MACHINES) {
    const built = join(scratch, name);
    console.log(`compiling for ${name} ...`);
    execFileSync(python, ['-m', 'ziglang', 'cc', '-target', target, ...FLAGS, '-o', built, ...sources], {
      cwd: here,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...process.env,
        ZIG_GLOBAL_CACHE_DIR: join(scratch, 'cache'),
        ZIG_LOCAL_CACHE_DIR: join(scratch, 'cache'),
      },
    });
    const shipped = join(here, 'bin', name, 'fornax-init');
    if (!isCheck) {
      mkdirSync(dirname(shipped), { recursive: true });
      copyFileSync(built, shipped);
    } else if (!existsSync(shipped) || !readFileSync(shipped).equals(readFileSync(built))) other.push(shipped);
  }
  if (!isCheck) writeFileSync(join(here, 'bin', 'built-from.json'), `${JSON.stringify(record(), null, 2)}\n`);
  if (other.length > 0) {
    console.error(
      `not built from src/: ${other.join(', ')}. Run \`node libs/drivers/native/build.mjs\` and commit what it makes.`,
    );
    process.exitCode = 1;
  } else console.log(isCheck ? 'bin/ is what src/ compiles to' : 'bin/ is made');
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
